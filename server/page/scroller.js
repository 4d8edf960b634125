// Scroller: keeps the newest text in sight, unless the person has scrolled away from it.

const NEAR_PX = 48;

export class Scroller {
  constructor(element, toEnd) {
    this.element = element;
    this.toEnd = toEnd;
    this.isFollowing = true;
    element.addEventListener("scroll", () => this.look(), { passive: true });
    toEnd.addEventListener("click", () => this.follow());
  }

  look() {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    this.isFollowing = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    this.toEnd.hidden = this.isFollowing;
  }

  /** Let something change the text, and stay where the person was. */
  keep(change) {
    change();
    if (this.isFollowing) this.element.scrollTop = this.element.scrollHeight;
    else this.look();
  }

  follow() {
    this.isFollowing = true;
    this.toEnd.hidden = true;
    this.element.scrollTop = this.element.scrollHeight;
  }
}
