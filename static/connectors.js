// Who acts in a part of the page that is then replaced keeps the focus in that part.
//
//   data-says="text"   read aloud when the form is sent
//   data-first         takes the focus if what had it is gone
//   data-cancel        takes it while the part waits for an answer

const say = (value) =>
  document.dispatchEvent(new CustomEvent("announce", { detail: { value } }));

let actedIn = null;

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  const source = ctx.sourceElement;
  if (source.dataset.says) say(source.dataset.says);
  if (!(ctx.target instanceof Element) || !ctx.target.contains(document.activeElement)) {
    return;
  }
  for (const menu of ctx.target.querySelectorAll("details.pop[open]")) menu.open = false;
  if (source.dataset.says) ctx.target.querySelector("[data-cancel]")?.focus();
});

document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  const target = ctx.target;
  const inside = target instanceof Element && target.contains(document.activeElement);
  actedIn = inside && target.id ? target.id : null;
});

document.addEventListener("htmx:after:swap", () => {
  if (actedIn && document.activeElement === document.body) {
    document.querySelector(`#${actedIn} [data-first]`)?.focus();
  }
  actedIn = null;
});
