// Where a message is written: its draft, what is picked for it, the Apps menu.
// The parts come and go with htmx; #dock stays, and knows them by their ids.

const byId = (id) => document.getElementById(id);
const dock = byId("dock");
const menu = byId("apps");
const manage = byId("manage");
const form = () => byId("composer");
const box = () => byId("message");
const field = (name) => form().elements.namedItem(name);

const say = (value) =>
  document.dispatchEvent(new CustomEvent("announce", { detail: { value } }));

// --- What was not sent yet, kept for this tab ---------------------------------------

const drafts = {
  key: () => `draft:${form().dataset.draft}`,
  read() {
    try {
      return JSON.parse(sessionStorage.getItem(drafts.key()) ?? "null");
    } catch {
      return null; // Storage is off, or holds what is not ours.
    }
  },
  write(draft) {
    try {
      if (draft.text || draft.pick) {
        sessionStorage.setItem(drafts.key(), JSON.stringify(draft));
      } else sessionStorage.removeItem(drafts.key());
    } catch {
      // Storage is off or full: the text lasts as long as the page.
    }
  },
};

// After the first message there is another page: the person writes on there.
const arrival = {
  announce() {
    try {
      sessionStorage.setItem("writes-on", "1");
    } catch {
      // Storage is off: the focus is where a page begins.
    }
  },
  isDue() {
    try {
      const is = sessionStorage.getItem("writes-on");
      sessionStorage.removeItem("writes-on");
      return Boolean(is);
    } catch {
      return false;
    }
  },
};

function keep() {
  const chip = byId("picked").firstElementChild;
  const pick = chip && { ...chip.dataset, field: field("pick").value };
  const nonce = isInDoubt ? field("nonce").value : "";
  drafts.write({ text: box().value, pick, nonce });
}

function restore() {
  const draft = drafts.read();
  if (!draft) return;
  // What the server has drawn was asked for: a link that picks, a form with an error.
  if (!box().value) {
    box().value = draft.text ?? "";
    if (draft.nonce) field("nonce").value = draft.nonce;
    isInDoubt = Boolean(draft.nonce);
  }
  if (draft.pick && !field("pick").value) showChip(draft.pick);
}

// --- The chip -----------------------------------------------------------------------

function showChip({ field: value, label, glyph }) {
  const chip = byId("composer-chip").content.cloneNode(true).firstElementChild;
  for (const one of chip.querySelectorAll("[data-glyph]")) {
    if (one.dataset.glyph === glyph) one.replaceWith(...one.childNodes);
    else one.remove();
  }
  chip.querySelector(".trunc").textContent = label;
  chip.querySelector("button").ariaLabel = `Remove ${label}`;
  Object.assign(chip.dataset, { label, glyph });
  byId("picked").replaceChildren(chip);
  field("pick").value = value;
}

function pick(row) {
  const { pick: value, label, glyph } = row.dataset;
  if (row.ariaPressed === "true") return unpick();
  showChip({ field: value, label, glyph });
  edited();
  closeMenu();
  box().focus();
  say(`${label} is picked. It must be used.`);
}

function unpick() {
  const label = byId("picked").textContent.trim();
  byId("picked").replaceChildren();
  field("pick").value = "";
  edited();
  closeMenu();
  box().focus();
  say(`${label} was removed`);
}

// --- Sending ------------------------------------------------------------------------

let sent = null;
// Sent, and nobody knows whether it arrived: what is changed then is another message.
let isInDoubt = false;

const isSending = (ctx) => ctx.sourceElement?.id === "composer";

// `crypto.randomUUID` is only there with HTTPS.
function freshNonce() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function changed() {
  if (isInDoubt) field("nonce").value = freshNonce();
  isInDoubt = false;
  keep();
}

function edited() {
  byId("composer-problem").replaceChildren();
  changed();
}

function beforeSending({ detail: { ctx } }) {
  if (!isSending(ctx)) return;
  sent = box().value;
  inTheWay = "";
  showTurn();
  isInDoubt = true;
  keep();
}

// What was typed while the message was on its way belongs to the next one.
function typedSince() {
  const { value } = box();
  if (sent === null || value === sent) return "";
  return value.startsWith(sent) ? value.slice(sent.length).trimStart() : value;
}

function answered({ detail: { ctx } }) {
  if (!isSending(ctx)) return;
  const { status, headers } = ctx.response;
  if (headers.has("Message-Stored")) {
    startOver(typedSince());
    return;
  }
  isInDoubt = status >= 500;
  keep();
  // Led on to a sign-in: what was written is there again when one is back.
  if (status < 400) return;
  // What the shell would say somewhere else is said here.
  ctx.hx.retarget = "#composer-problem";
  ctx.hx.reswap = "innerHTML";
}

// Stored: whatever comes now is another message, even if the browser goes back here.
function startOver(text) {
  if (!form().dataset.draft.endsWith(":new")) document.dispatchEvent(new Event("sent"));
  else arrival.announce();
  byId("picked").replaceChildren();
  field("pick").value = "";
  field("nonce").value = freshNonce();
  box().value = text;
  isInDoubt = false;
  keep();
}

function lost(event) {
  const { ctx } = event.detail;
  if (!ctx || !isSending(ctx) || ctx.response) return;
  event.stopPropagation();
  isInDoubt = true;
  keep();
  const notice = byId("composer-lost").content.cloneNode(true);
  byId("composer-problem").replaceChildren(notice);
}

// --- Whether an answer is being written ---------------------------------------------

let ended = "";
// What a message has to wait for: the answer at work when it was sent, or since then.
let inTheWay = "";
// What had the focus may be gone after a swap, as Stop is with the end.
let wasOnTurn = false;

// The news of the end may be faster than the answer that says it has begun.
function showTurn() {
  const turn = byId("composer-turn");
  if (turn.dataset.state === "idle") ended = turn.dataset.turn;
  else if (ended && turn.dataset.turn === ended) turn.dataset.state = "idle";
  box().placeholder = turn.dataset.placeholder;
  if (turn.dataset.state === "running") inTheWay = turn.dataset.turn;
  else if (inTheWay === turn.dataset.turn) {
    byId("composer-problem").querySelector("[data-code=TURN_RUNNING]")?.remove();
  }
}

// --- The menu -----------------------------------------------------------------------

let isWanted = false;
// The query that found what is shown, and whether Enter was faster than that.
let found = "";
let isPickDue = false;

const opener = () => byId("apps-open");
const search = () => byId("apps-query");
const isOpen = () => !menu.hidden;
const rows = () =>
  [...menu.querySelectorAll(".opt")].filter((row) => row.checkVisibility());
// On a touch screen the keyboard would lie over the menu.
const isTouched = matchMedia("(pointer: coarse)");

function loadMenu() {
  menu.dispatchEvent(new Event("apps"));
}

function openMenu() {
  isWanted = true;
  loadMenu();
}

function showMenu() {
  isWanted = isPickDue = false;
  found = "";
  menu.hidden = false;
  opener().ariaExpanded = "true";
  (isTouched.matches ? menu : search()).focus();
}

function closeMenu() {
  isWanted = false;
  if (!isOpen()) return;
  const hadFocus = menu.contains(document.activeElement);
  menu.hidden = true;
  menu.replaceChildren();
  opener().ariaExpanded = "false";
  if (hadFocus) opener().focus();
}

function pressedInMenu(event) {
  const row = event.target.closest(".opt");
  const move = {
    Escape: () => closeMenu(),
    ArrowDown: () => go(1),
    ArrowUp: () => go(-1),
    ...(row && {
      Home: () => rows()[0]?.focus(),
      End: () => rows().at(-1)?.focus(),
      ArrowRight: () => fold(row, true),
      ArrowLeft: () => fold(row, false),
    }),
    ...(event.target === search() && {
      Enter: () => pickFirst(),
    }),
  }[event.key];
  if (move && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    event.stopPropagation();
    move();
  }
}

// What is shown may be what an earlier query found: then the answer is waited for.
function pickFirst() {
  const query = search().value.trim();
  isPickDue = Boolean(query) && query !== found;
  if (query && !isPickDue) menu.querySelector("[data-pick]")?.click();
}

function searched(ctx) {
  found = new URL(ctx.request.action, location.href).searchParams.get("q").trim();
  if (isPickDue) pickFirst();
}

// Up from the first row is the search.
function go(step) {
  const all = rows();
  const next = all.indexOf(document.activeElement.closest(".opt")) + step;
  if (next < 0) search().focus();
  else all[Math.min(next, all.length - 1)]?.focus();
}

function fold(row, isOpened) {
  const details = row.closest("details");
  if (!details) return;
  details.open = isOpened;
  if (!isOpened) details.querySelector("summary").focus();
}

function clickedInMenu(target) {
  const row = target.closest(".opt");
  if (target.closest("[data-close-apps]")) closeMenu();
  else if (row?.ariaDisabled === "true") say(row.textContent.trim());
  else if (row && "pick" in row.dataset) pick(row);
}

// A dialog over the menu is no leaving.
const isAway = (element) =>
  element && !menu.contains(element) && element !== opener() && !element.closest("dialog");

// --- Managing connectors, over the chat ---------------------------------------------

// One dialog at a time: the list waits, closed, while something is asked about it.
let isListWaiting = false;

function beforeSwap({ detail: { ctx } }) {
  wasOnTurn = byId("composer-turn").contains(document.activeElement);
  if (ctx.target?.id === "manage-list") manage.showModal();
  if (ctx.target?.id === "dialog" && manage.open) {
    isListWaiting = true;
    manage.close();
  }
}

function dialogClosed({ target }) {
  if (target.open) return; // opened again since
  if (target.id === "dialog" && isListWaiting) {
    isListWaiting = false;
    manage.showModal();
  } else if (target === manage && !isListWaiting) {
    byId("manage-list").replaceChildren();
    loadMenu();
  }
}

// --- Wiring -------------------------------------------------------------------------

function clicked(event) {
  const { target } = event;
  const offer = target.closest("a[data-pick]");
  if (offer) {
    event.preventDefault();
    pick(offer);
  } else if (menu.contains(target)) clickedInMenu(target);
  else if (target.closest("[data-unpick]")) unpick();
  else if (target.closest("#apps-open")) isOpen() ? closeMenu() : openMenu();
  else if (isOpen() && isAway(target)) closeMenu();
}

function pressedInBox(event) {
  // A key that ends the choice of a character is not one of ours.
  if (event.isComposing || event.keyCode === 229) return;
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    const isSomething = box().value.trim() || field("pick").value;
    if (isSomething) form().requestSubmit(byId("send"));
  } else if (event.key === "Backspace" && !box().value && field("pick").value) {
    event.preventDefault();
    unpick();
  }
}

function pressed(event) {
  if (menu.contains(event.target)) pressedInMenu(event);
  else if (event.target === box()) pressedInBox(event);
}

function swapped({ detail: { ctx } }) {
  if (ctx?.target === menu) {
    if (isWanted) showMenu();
    else if (!isOpen()) menu.replaceChildren();
  } else if (ctx?.target?.id === "apps-body") searched(ctx);
  settle();
  if (ctx && isSending(ctx)) restore();
  if (wasOnTurn && document.activeElement === document.body) box().focus();
}

// What was drawn for who has no script is in the way of who has.
function settle() {
  for (const list of form().querySelectorAll(".unscripted")) list.remove();
  showTurn();
}

settle();
restore();
if (arrival.isDue()) box().focus();
// A link that picked has done so; a reload keeps what was picked since.
if (new URLSearchParams(location.search).has("pick")) {
  history.replaceState(history.state, "", location.pathname);
  changed();
}

dock.addEventListener("keydown", pressed);
dock.addEventListener("input", ({ target }) => {
  if (target === box()) edited();
  if (target === search()) isPickDue = false;
});
// Sent before htmx had woken up, by the browser itself.
dock.addEventListener("submit", (event) => {
  if (!event.defaultPrevented) arrival.announce();
});
dock.addEventListener("htmx:before:request", beforeSending);
dock.addEventListener("htmx:before:response", answered);
dock.addEventListener("htmx:error", lost);
menu.addEventListener("focusout", ({ relatedTarget }) => {
  if (isOpen() && isAway(relatedTarget)) closeMenu();
});
document.addEventListener("click", clicked);
document.addEventListener("htmx:before:swap", beforeSwap);
document.addEventListener("htmx:after:swap", swapped);
// Before the shell looks for what to focus, which is in the list.
addEventListener("close", dialogClosed, true);
// The list has its own page; here its address is not the chat's.
document.addEventListener("htmx:before:history:update", (event) => {
  if (manage.contains(event.detail.sourceElement)) event.preventDefault();
});
manage.addEventListener("submit", (event) => {
  if (event.target.role === "search") event.preventDefault();
});
