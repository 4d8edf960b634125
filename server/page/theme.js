// Dark or light: the system's choice until the person makes another.

const PLACE = "reflect.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

export function setUpTheme(button) {
  apply(localStorage.getItem(PLACE), button);
  dark.addEventListener("change", () => apply(localStorage.getItem(PLACE), button));
  button.addEventListener("click", () => {
    const chosen = isDark() ? "light" : "dark";
    localStorage.setItem(PLACE, chosen);
    apply(chosen, button);
  });
}

function apply(chosen, button) {
  if (chosen) document.documentElement.dataset.theme = chosen;
  button.setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours");
  button.title = button.getAttribute("aria-label");
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : dark.matches;
}
