// The API key: asked for in a dialog, kept for this tab alone.

const PLACE = "reflect.key";
const WHY = "It stays in this tab and goes to this server alone.";

export class KeyDialog {
  constructor(onChange) {
    this.dialog = document.getElementById("key-dialog");
    this.field = document.getElementById("key");
    this.opener = document.getElementById("open-key");
    this.opener.addEventListener("click", () => this.ask(WHY));
    document.getElementById("key-cancel").addEventListener("click", () => this.dialog.close());
    document.getElementById("key-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.keep(this.field.value.trim());
      this.dialog.close();
      onChange();
    });
    this.dialog.addEventListener("close", () => (this.field.value = ""));
    this.mark();
  }

  get key() {
    return sessionStorage.getItem(PLACE) ?? "";
  }

  keep(key) {
    if (key) sessionStorage.setItem(PLACE, key);
    else sessionStorage.removeItem(PLACE);
    this.mark();
  }

  mark() {
    this.opener.classList.toggle("marked", Boolean(this.key));
    this.opener.title = this.key ? "API key (one is set)" : "API key";
  }

  /** Ask because the server let a request without it, or with a wrong one, not in. */
  require() {
    this.ask(`${this.key ? "The server does not know this key." : "This server asks for a key."} ${WHY}`);
  }

  ask(why) {
    document.getElementById("key-why").textContent = why;
    if (!this.dialog.open) this.dialog.showModal();
    this.field.focus();
  }
}
