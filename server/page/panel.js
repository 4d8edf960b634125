// The settings' panel: beside the conversation, or over it where the window is narrow.

const WIDE = matchMedia("(min-width: 72rem)");

export function setUpPanel() {
  const panel = document.getElementById("panel");
  const opener = document.getElementById("open-panel");
  const set = (isOpen) => {
    panel.hidden = !isOpen;
    opener.setAttribute("aria-expanded", String(isOpen));
  };
  const close = () => {
    set(false);
    opener.focus();
  };
  opener.addEventListener("click", () => {
    set(panel.hidden);
    if (!panel.hidden) document.getElementById("system").focus();
  });
  document.getElementById("close-panel").addEventListener("click", close);
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || WIDE.matches) return;
    event.stopPropagation();
    close();
  });
  WIDE.addEventListener("change", () => set(WIDE.matches));
  set(WIDE.matches);
}
