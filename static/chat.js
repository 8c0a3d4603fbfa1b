// One conversation: where its page goes on after its connection broke, and what stays
// as the person has it when parts of it are replaced. See agent/consumers.py.

const byId = (id) => document.getElementById(id);
const thread = byId("thread");
const line = byId("line");
const NEAR_PX = 160;
const WHY = { 4401: "signedOut", 4404: "gone", 4429: "tooMany" };
const QUIET_MS = 1500; // a short break is nobody's business

// --- The place in the thread ----------------------------------------------------------

// The address to connect to always names what this page has seen.
function moveTo(connection, message) {
  const address = new URL(connection.url);
  address.searchParams.set("after", message.at);
  address.searchParams.set("state", message.state);
  connection.url = address.href;
}

// What does not follow on what is here would be lost, or here twice: ask again.
function incoming(event) {
  const { connection, message } = event.detail;
  const said = JSON.parse(message.data);
  if (new URL(connection.url).searchParams.get("after") === said.since) {
    moveTo(connection, said);
    return;
  }
  event.preventDefault();
  connection.socket.close();
}

// --- The connection -------------------------------------------------------------------

let saying;

function say(why) {
  clearTimeout(saying);
  line.hidden = !why;
  line.textContent = why ? line.dataset[why] : "";
}

function closed({ detail: { code, reason } }) {
  if (reason !== "closed") return;
  if (WHY[code]) say(WHY[code]);
  else if (!document.hidden && !saying) saying = setTimeout(() => say("lost"), QUIET_MS);
}

function opened() {
  clearTimeout(saying);
  saying = undefined;
  say("");
}

// --- What the person sees -------------------------------------------------------------

let open = [];
let isAtEnd = true;
let was = 0;
let hadFocus = false;

const end = () => document.documentElement.scrollHeight - innerHeight - scrollY;
const toEnd = () => scrollTo(0, document.documentElement.scrollHeight);

// Only the person goes up; what grows below them must not look like that.
function scrolled() {
  if (scrollY < was || end() < NEAR_PX) isAtEnd = end() < NEAR_PX;
  was = scrollY;
}

function grown() {
  if (isAtEnd) toEnd();
}

// Whoever sends wants to see what becomes of it.
function goToEnd() {
  isAtEnd = true;
  toEnd();
}

function beforeSwap() {
  hadFocus = document.activeElement !== document.body;
  open = [...thread.querySelectorAll("details[open][id]")].map((one) => one.id);
}

// A form that came back has new fields: the person is led to what is wrong in it,
// or back to the button that changed it.
function keepFocus(ctx) {
  const id = ctx?.sourceElement?.closest?.("form.ask")?.id;
  const form = id && byId(id);
  if (!form) return;
  const wrong = ctx.response?.status === 422 && form.querySelector("[aria-invalid]");
  if (wrong) wrong.focus();
  else if (hadFocus && document.activeElement === document.body) {
    form.querySelector("footer [name=edit]").focus();
  }
}

function afterSwap({ detail: { ctx } }) {
  for (const id of open) {
    const details = byId(id);
    if (details) details.open = true;
  }
  keepFocus(ctx);
}

if (line) {
  document.addEventListener("htmx:ws:before:message:incoming", incoming);
  document.addEventListener("htmx:ws:close", closed);
  document.addEventListener("htmx:ws:after:connection", opened);
  document.addEventListener("htmx:before:swap", beforeSwap);
  document.addEventListener("htmx:after:swap", afterSwap);
  document.addEventListener("sent", goToEnd);
  // A card was answered; what it was about goes on by itself.
  document.addEventListener("answered", () => byId("message")?.focus());
  addEventListener("scroll", scrolled, { passive: true });
  if (location.hash) isAtEnd = false;
  // What waits for the person is what they see first, wherever they were before.
  else if (thread.querySelector(".ask")) history.scrollRestoration = "manual";
  // The composer grows over what is above it.
  const growing = new ResizeObserver(grown);
  for (const part of [thread, byId("dock")]) growing.observe(part);
  // htmx may have begun before its extension was there, and would never connect.
  htmx.process(thread);
}
