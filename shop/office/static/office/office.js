// The back office without a mouse, and what htmx leaves to a page. Every page works without it.
"use strict";

const isTyping = (element) => Boolean(element.closest("input, textarea, select, [contenteditable]"));

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const search = document.querySelector("[data-search]");
  if (!search) return;
  event.preventDefault();
  search.focus();
  search.select();
});

// A form that was refused is shown again with its errors; what is no page of the office, such as an answer of a proxy,
// is never put into one.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if (xhr.status < 400) return;
  const isPage = (xhr.getResponseHeader("Content-Type") || "").startsWith("text/html");
  event.detail.shouldSwap = isPage;
  event.detail.isError = !isPage;
  if (!isPage) report(`The shop did not answer as it should (status ${xhr.status}). Nothing is lost: try again.`);
});
document.addEventListener("htmx:sendError", () => report("The shop cannot be reached. Try again."));
document.addEventListener("htmx:timeout", () => report("The shop did not answer in time. Try again: nothing is done twice."));

// What failed before is past when the shop answers.
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) document.querySelector("#messages .alert-bad")?.remove();
});

// The focus stays where the work is: on what the new part names, otherwise where it was.
document.addEventListener("htmx:afterSettle", (event) => {
  const wanted = event.detail.target.querySelector("[aria-invalid=true], [data-focus]");
  if (wanted) wanted.focus();
});

// A second press of a button sends nothing. The browser restores a page as it was left, so the mark goes with it. Where
// the answer was stopped, the form can be sent again a little later: its key or version makes a second request harmless.
const SENT_MS = 5000;
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (event.timeStamp - form.dataset.sentAt < SENT_MS) event.preventDefault();
  else form.dataset.sentAt = event.timeStamp;
});
document.addEventListener("htmx:afterRequest", (event) => delete event.detail.elt.dataset.sentAt);
window.addEventListener("pageshow", () => document.querySelectorAll("[data-sent-at]").forEach((form) => delete form.dataset.sentAt));

// On a phone the sections scroll sideways: the present one is to be seen.
document.querySelector(".office-nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

function report(text) {
  const message = document.createElement("p");
  message.className = "alert alert-bad";
  message.textContent = text;
  document.getElementById("messages").replaceChildren(message);
}
