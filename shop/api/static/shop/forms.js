"use strict";
// Comforts of forms, which work without: tidy addresses of filters, more lines, one submission at a time.
(() => {
  const MAX_LINES = 50;
  // For as long a form that was sent sends nothing more. Where the answer was stopped it can be sent again then: its key
  // or version makes a second request of it harmless.
  const SENT_MS = 5000;

  // The link to a form opens it.
  const openTarget = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (!(target instanceof HTMLDetailsElement)) return;
    target.open = true;
    target.querySelector("input:not([type=hidden]), select, textarea")?.focus();
  };
  addEventListener("hashchange", openTarget);
  openTarget();

  const filters = document.getElementById("filters");
  if (filters) {
    // The server leaves empty parameters out as well; without them the address can be read and copied.
    filters.addEventListener("submit", () => {
      for (const field of filters.elements) if (field.name && field.value === "") field.disabled = true;
    });
    addEventListener("pageshow", () => { for (const field of filters.elements) field.disabled = false; });
  }

  for (const form of document.querySelectorAll("form[method=post]")) {
    form.addEventListener("submit", (event) => {
      if (event.timeStamp - form.dataset.sentAt < SENT_MS) event.preventDefault();
      else form.dataset.sentAt = event.timeStamp;
    });
    addEventListener("pageshow", () => { delete form.dataset.sentAt; });
  }

  const renamed = (text, number) => text.replace(/-\d+-/, `-${number}-`);

  const addLine = (group, button) => {
    const lines = group.querySelectorAll("[data-line]");
    const number = lines.length;
    const line = lines[number - 1].cloneNode(true);
    line.setAttribute("aria-label", `Line ${number + 1}`);
    for (const note of line.querySelectorAll(".error, .hint, [role=listbox], [data-chosen]")) note.remove();
    for (const label of line.querySelectorAll("label")) label.htmlFor = renamed(label.htmlFor, number);
    for (const input of line.querySelectorAll("input")) {
      input.id = renamed(input.id, number);
      input.value = "";
      for (const name of ["aria-describedby", "aria-invalid", "aria-controls", "aria-activedescendant"]) input.removeAttribute(name);
    }
    lines[number - 1].after(line);
    line.dispatchEvent(new CustomEvent("line-added", { bubbles: true }));
    line.querySelector("input").focus();
    button.hidden = number + 1 >= MAX_LINES;
  };

  for (const group of document.querySelectorAll("[data-lines]")) {
    const button = group.querySelector("[data-add-line]");
    // Without this script there are several empty lines; with it, one, and a button.
    for (const line of [...group.querySelectorAll("[data-line]")].slice(1)) {
      if ([...line.querySelectorAll("input")].every((input) => input.value === "")) line.remove();
    }
    button.hidden = false;
    button.addEventListener("click", () => addLine(group, button));
  }
})();
