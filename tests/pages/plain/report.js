(() => {
  const { element, needle, count, fill, choices, admits, marked } = browser;
  const samples = JSON.parse(document.getElementById("data").textContent);
  fill("kind", choices(count(samples, (sample) => [sample.kind])));
  browser.start({
    found: () => samples.filter((sample) => admits("kind", [sample.kind]) && sample.text.toLowerCase().includes(needle())),
    told: (left) => `${left.length} of ${samples.length}`,
    line: (sample) => {
      const facts = element("span", "facts-line");
      facts.append(element("span", "", sample.kind));
      return [facts];
    },
    body: (sample) => {
      const node = element("div", "body");
      node.append(marked("text", sample.text));
      return node;
    },
  });
})();
