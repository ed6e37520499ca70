// What scrolls sideways can be reached and scrolled by the keyboard.
addEventListener("load", () => {
  for (const box of document.querySelectorAll(".md-typeset__scrollwrap, .md-typeset p")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  }
});
