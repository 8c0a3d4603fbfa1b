// The page of one tool: where the focus and the eye go when a part of it is replaced,
// and what is said of a run whose connection broke.

const byId = (id) => document.getElementById(id);
const result = byId("run-result");
let hadFocus = false;
let shown = result.firstElementChild;

// What had the focus is gone: it goes to what is wrong, else to where the form ends.
function keepFocus() {
  if (!hadFocus || document.activeElement !== document.body) return;
  const form = byId("run-form");
  (form.querySelector("[aria-invalid]") ?? form.querySelector("footer button")).focus();
}

// Progress changes parts of what is shown: nobody is taken there again.
function showResult() {
  if (result.firstElementChild === shown) return;
  shown = result.firstElementChild;
  shown?.scrollIntoView({ block: "nearest" });
}

document.addEventListener("htmx:before:swap", () => {
  hadFocus = document.activeElement !== document.body;
});

document.addEventListener("htmx:after:swap", () => {
  showResult();
  keepFocus();
});

// Nobody who cancelled gets here: that is no error.
document.addEventListener("htmx:sse:error", () => {
  if (!byId("run-clock")) return;
  hadFocus = result.contains(document.activeElement);
  result.replaceChildren(byId("run-lost").content.cloneNode(true));
  keepFocus();
});
