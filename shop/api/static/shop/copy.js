"use strict";
// Shows the copy buttons and makes them work. Pages that are not on HTTPS or localhost have no clipboard API.
(() => {
  const SHOWN_MS = 2000;

  const select = (element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  };

  const copy = async (element) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(element.textContent);
    select(element);
    if (!document.execCommand("copy")) throw new Error("This browser does not let a page copy.");
  };

  for (const button of document.querySelectorAll("[data-copy]")) {
    const element = document.getElementById(button.dataset.copy);
    const label = button.textContent;
    const report = (text) => {
      button.textContent = text;
      setTimeout(() => { button.textContent = label; }, SHOWN_MS);
    };
    button.setAttribute("aria-live", "polite");
    button.hidden = false;
    button.addEventListener("click", () => copy(element).then(() => report("Copied"), () => { select(element); report("Press Ctrl+C"); }));
  }
})();
