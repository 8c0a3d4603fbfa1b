// Who acts in a part of the page that is then replaced keeps the focus in that part.
//
//   data-says="text"   read aloud when the form is sent
//   data-first         takes the focus if what had it is gone
//   data-cancel        takes it while the part waits for an answer

const say = (value) =>
  document.dispatchEvent(new CustomEvent("announce", { detail: { value } }));

// Requests that were made from within what they replace.
const fromWithin = new WeakSet();
let keptIn = "";

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  const { sourceElement, target } = ctx;
  if (sourceElement.dataset.says) say(sourceElement.dataset.says);
  if (!(target instanceof Element) || !target.contains(document.activeElement)) return;
  fromWithin.add(ctx);
  for (const menu of target.querySelectorAll("details.pop[open]")) menu.open = false;
  if (sourceElement.dataset.says) target.querySelector("[data-cancel]")?.focus();
});

document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  const { target } = ctx;
  const focused = document.activeElement;
  const isWithin = target instanceof Element && target.contains(focused);
  // Hidden, a button loses the focus before it is replaced.
  const isLost = focused === document.body && fromWithin.has(ctx);
  keptIn = target instanceof Element && (isWithin || isLost) ? target.id : "";
});

document.addEventListener("htmx:after:swap", () => {
  if (keptIn && document.activeElement === document.body) {
    document.querySelector(`#${keptIn} [data-first]`)?.focus();
  }
  keptIn = "";
});
