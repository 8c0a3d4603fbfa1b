// What the shell does by itself. Every page works without it; nothing here knows a
// page. Markup asks by data attributes, the server by events (HX-Trigger):
//
//   data-opens="id"      opens that dialog         data-close    closes its own
//   data-copy="#id"      copies that text          data-dismiss  removes its notice
//   data-focus           takes the focus after a swap, or after its dialog closed
//   dialog-close         closes #dialog            announce      says a text aloud

const byId = (id) => document.getElementById(id);
const dialog = byId("dialog");
const live = byId("live");
const messages = byId("messages");
const MESSAGE_MS = 8000;

// --- What is kept in this browser ---------------------------------------------------

const store = {
  get(key) {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // Storage is off.
    }
  },
  set(key, value) {
    try {
      if (value) localStorage.setItem(key, value);
      else localStorage.removeItem(key);
    } catch {
      // Storage is off: the choice lasts as long as the page.
    }
  },
};

// --- Themes -------------------------------------------------------------------------

function showTheme() {
  const chosen = store.get("theme") ?? "system";
  for (const radio of document.querySelectorAll("[data-theme-switch] input")) {
    radio.checked = radio.value === chosen;
  }
}

function chooseTheme(value) {
  store.set("theme", value === "system" ? "" : value);
  dispatchEvent(new Event("theme")); // theme.js applies it
  showTheme();
}

// --- Live regions -------------------------------------------------------------------

// A region is announced when its content changes, so the same text twice needs a gap.
function announce(text) {
  const announcer = byId("announcer");
  announcer.textContent = "";
  setTimeout(() => (announcer.textContent = text), 50);
}

// Outside of an open modal dialog everything is inert: nothing is announced there.
function placeLiveRegions() {
  const modal = [...document.querySelectorAll("dialog:modal")].pop();
  const home = modal ?? document.body;
  if (live.parentElement !== home) home.append(live);
}

// A message goes by itself, an alert does not; neither while somebody is at it.
function expire(notice) {
  setTimeout(() => {
    if (notice.matches(":hover, :focus-within")) expire(notice);
    else notice.remove();
  }, MESSAGE_MS);
}

function messagesChanged(changes) {
  for (const node of changes.flatMap((change) => [...change.addedNodes])) {
    if (node.matches?.(".notice:not([role=alert])")) expire(node);
  }
}

function dismiss(notice) {
  const hadFocus = notice.contains(document.activeElement);
  notice.remove();
  if (hadFocus) (document.querySelector("dialog:modal") ?? byId("main")).focus();
}

// A failure that has an answer brings its own words, see config/error_pages.py.
function noAnswer({ detail: { ctx } }) {
  if (ctx && !ctx.response) messages.append(byId("no-answer").content.cloneNode(true));
}

// --- Times --------------------------------------------------------------------------

const format = (options) => new Intl.DateTimeFormat("en-GB", options);
const exact = format({ dateStyle: "long", timeStyle: "long" });
const clock = format({ hour: "2-digit", minute: "2-digit" });
const day = format({ day: "numeric", month: "short" });

// The server writes UTC; whoever reads it lives somewhere.
function localizeTimes() {
  for (const time of document.querySelectorAll("time[title]:not([data-here])")) {
    const moment = new Date(time.dateTime);
    time.title = exact.format(moment);
    time.dataset.here = "";
    if (!("clock" in time.dataset)) continue;
    const isToday = moment.toDateString() === new Date().toDateString();
    time.textContent = (isToday ? clock : day).format(moment);
  }
}

// --- Focus --------------------------------------------------------------------------

function focusMarked() {
  for (const marked of document.querySelectorAll("[data-focus]")) {
    if (marked.tabIndex < 0 && !marked.hasAttribute("tabindex")) marked.tabIndex = -1;
    marked.focus();
    // Behind a dialog nothing can be focused; it keeps its mark until that closes.
    if (document.activeElement !== marked) continue;
    marked.removeAttribute("data-focus");
    return;
  }
}

// --- Dialogs and menus --------------------------------------------------------------

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.pop[open]")) {
    if (menu === except) continue;
    const hadFocus = menu.contains(document.activeElement);
    menu.open = false;
    if (hadFocus) menu.querySelector("summary").focus();
  }
}

function openDialog(element) {
  if (element.open) return;
  closeMenus(); // so that the focus returns to something that can be seen
  const heading = element.querySelector("h2[id]");
  if (heading) element.setAttribute("aria-labelledby", heading.id);
  element.showModal();
  placeLiveRegions();
}

function dialogClosed(element) {
  // Told of later than it happened: it may have been opened again with something else.
  if (element.open) return;
  placeLiveRegions();
  if (element === dialog) {
    // What is still being asked for in there is of no use to anybody.
    for (const busy of dialog.querySelectorAll("[data-htmx-powered]")) {
      busy.dispatchEvent(new Event("htmx:abort"));
    }
    dialog.replaceChildren();
  }
  focusMarked();
}

// --- Copying ------------------------------------------------------------------------

async function copy(button) {
  const source = document.querySelector(button.dataset.copy);
  const text = source.value ?? source.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // No permission, or no HTTPS: the person's own keys can do it.
    getSelection().selectAllChildren(source);
    announce("Selected. Copy it with your keyboard.");
    return;
  }
  announce("Copied");
  const isText = (node) => node.nodeType === Node.TEXT_NODE && node.data.trim();
  const label = [...button.childNodes].find(isText);
  if (button.dataset.copied || !label) return;
  button.dataset.copied = label.textContent;
  label.textContent = "Copied";
  setTimeout(() => {
    label.textContent = button.dataset.copied;
    delete button.dataset.copied;
  }, 2000);
}

// --- Keys ---------------------------------------------------------------------------

const isTyping = (element) =>
  element.isContentEditable || element.matches?.("input, textarea, select");

// One thing at a time: a dialog closes by itself, then menus, then messages.
function escape() {
  if (document.querySelector("dialog:modal")) return;
  if (document.querySelector("details.pop[open]")) closeMenus();
  else for (const notice of messages.querySelectorAll(".notice")) dismiss(notice);
}

function pressed(event) {
  if (event.key === "Escape") escape();
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (store.get("single-keys") === "off" || isTyping(event.target)) return;
  if (document.querySelector("dialog:modal")) return;
  if (event.key === "/") {
    const search = document.querySelector("main [type=search]");
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === "?") {
    event.preventDefault();
    openDialog(byId("shortcuts"));
  }
}

// --- Wiring -------------------------------------------------------------------------

function clicked(event) {
  const button = event.target.closest?.(
    "[data-opens], [data-close], [data-copy], [data-dismiss]",
  );
  closeMenus(event.target.closest?.("details.pop"));
  if (!button) return;
  const owner = button.closest("dialog");
  if ("close" in button.dataset && !owner) return; // a link on a page of its own
  event.preventDefault();
  if ("opens" in button.dataset) openDialog(byId(button.dataset.opens));
  else if ("close" in button.dataset) owner.close();
  else if ("copy" in button.dataset) copy(button);
  else dismiss(button.closest(".notice"));
}

function changed(event) {
  if (event.target.closest?.("[data-theme-switch]")) chooseTheme(event.target.value);
  if (event.target.matches?.("[data-single-keys]")) {
    store.set("single-keys", event.target.checked ? "" : "off");
  }
}

function swapped() {
  if (dialog.childElementCount > (dialog.contains(live) ? 1 : 0)) openDialog(dialog);
  placeLiveRegions();
  localizeTimes();
  focusMarked();
}

document.addEventListener("click", clicked);
document.addEventListener("change", changed);
document.addEventListener("keydown", pressed);
document.addEventListener("close", (event) => dialogClosed(event.target), true);
document.addEventListener("dialog-close", () => dialog.close());
document.addEventListener("announce", (event) => announce(event.detail.value));
document.addEventListener("htmx:after:swap", swapped);
document.addEventListener("htmx:error", noAnswer);
addEventListener("storage", showTheme);
new MutationObserver(messagesChanged).observe(messages, { childList: true });

for (const choice of document.querySelectorAll("[data-theme-switch]")) {
  choice.hidden = false;
}
for (const box of document.querySelectorAll("[data-single-keys]")) {
  box.checked = store.get("single-keys") !== "off";
}
showTheme();
localizeTimes();
focusMarked();
// What came with the page was there before anybody listened.
const first = [...messages.querySelectorAll("p")].map((p) => p.textContent);
if (first.length) announce(first.join(" "));
messagesChanged([{ addedNodes: messages.children }]);
