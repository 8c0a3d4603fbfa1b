// One tool, on its page or in the dialog: where the focus and the eye go when a part of it is replaced,
// and what is said of a run whose connection broke.

const byId = (id) => document.getElementById(id);
let hadFocus = false;
let place = byId("run-result");
let shown = place?.firstElementChild;

// What had the focus is gone: it goes to what is wrong, else to where the form ends.
function keepFocus() {
  const form = byId("run-form");
  if (!form || !hadFocus || document.activeElement !== document.body) return;
  (form.querySelector("[aria-invalid]") ?? form.querySelector("footer button")).focus();
}

// Progress changes parts of what is shown: nobody is taken there again.
function showResult() {
  const result = byId("run-result");
  if (result?.firstElementChild === shown) return;
  const isNew = result !== place;
  place = result;
  shown = result?.firstElementChild;
  if (!isNew) shown?.scrollIntoView({ block: "nearest" });
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
  const result = byId("run-result");
  hadFocus = result.contains(document.activeElement);
  result.replaceChildren(byId("run-lost").content.cloneNode(true));
  keepFocus();
});
