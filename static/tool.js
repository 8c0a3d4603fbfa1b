// The page of one tool: where the focus and the eye go when a part of it is replaced,
// and what is said of a run whose connection broke.

const byId = (id) => document.getElementById(id);

// What had the focus is gone: it goes to what is wrong, else to where the form ends.
function keepFocus() {
  if (document.activeElement !== document.body) return;
  const form = byId("run-form");
  (form.querySelector("[aria-invalid]") ?? form.querySelector("footer button")).focus();
}

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const target = ctx.target instanceof Element ? ctx.target : null;
  if (target?.id === "run-result") target.scrollIntoView({ block: "nearest" });
  else keepFocus();
});

// A stream ends with an outcome, or because somebody cancelled it, or it broke.
document.addEventListener("htmx:sse:close", ({ detail: { connection } }) => {
  if (!byId("run-clock") || connection.abortController.signal.aborted) return;
  byId("run-result").replaceChildren(byId("run-lost").content.cloneNode(true));
});
