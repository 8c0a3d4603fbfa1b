// The page that shows OpenAI's component. What it is configured with comes from
// /chatkit/config; what JSON cannot say is added here. An example for who embeds it on
// pages of the same origin: docs/chatkit.md.

const place = document.getElementById("chatkit");
const loading = document.getElementById("chatkit-loading");
const problem = document.getElementById("chatkit-problem");
const same = document.getElementById("chatkit-same");
const { api, chat, component: source, config: configUrl, manage } = place.dataset;
const START_MS = 20_000;

let component;
let config = "";
let threadId = new URLSearchParams(location.search).get("thread");
let isReady = false;

// --- When there is nothing to see ----------------------------------------------------

function show(why) {
  loading.remove();
  const { content } = document.querySelector(`template[data-why=${why}]`);
  problem.replaceChildren(content.cloneNode(true));
}

function ready() {
  isReady = true;
  problem.replaceChildren();
}

// Later errors are shown by the component itself.
function failed() {
  if (!isReady) show("start");
}

// --- What it asks --------------------------------------------------------------------

// The cookie is that of the newest sign-in, which may have been in another tab.
const token = () =>
  /(?:^|;\s*)csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? place.dataset.token;

// The session and its token are for one address, whatever the component asks for.
async function ask(address, init = {}) {
  const { href } = new URL(address?.url ?? address, location.href);
  if (href !== new URL(api, location.href).href) {
    throw new Error("ChatKit is asked for something that is not its own.");
  }
  const headers = new Headers(init.headers ?? address.headers);
  headers.set("X-CSRFToken", token());
  return fetch(address, { ...init, headers, credentials: "same-origin" });
}

// --- What it is configured with ------------------------------------------------------

// Where a browser lets no tab be opened, this one leads there; the thread is kept.
function openPage(address) {
  if (!open(address)) location.assign(address);
}

const openConnectors = () => openPage(place.dataset.connectors);

// Options are never merged with those before: they are always whole.
function configure() {
  const given = JSON.parse(config);
  const isDark = document.documentElement.classList.contains("dark");
  const url = new URL(api, location.href).href;
  component.setOptions({
    ...given,
    theme: isDark ? "dark" : "light",
    initialThread: threadId,
    api: { ...given.api, url, fetch: ask },
    header: {
      ...given.header,
      rightAction: { icon: "settings-cog", onClick: openConnectors },
    },
  });
}

async function readConfig() {
  const response = await fetch(configUrl, { credentials: "same-origin" });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.text();
}

// A sign-in in another tab changed what can be picked, and maybe the thread.
async function refresh() {
  if (!component) return;
  try {
    const now = await readConfig();
    if (now !== config) {
      config = now;
      configure();
    }
    await component.fetchUpdates();
  } catch {
    // What is shown is older than it could be; the next focus tries again.
  }
}

// --- What it says --------------------------------------------------------------------

function showSame() {
  same.href = threadId ? `${chat}/${encodeURIComponent(threadId)}` : chat;
}

function threadChanged({ detail }) {
  threadId = detail.threadId;
  showSame();
  const address = new URL(location.href);
  if (threadId) address.searchParams.set("thread", threadId);
  else address.searchParams.delete("thread");
  history.replaceState(null, "", address);
}

function toolChanged({ detail }) {
  if (detail.toolId !== manage) return;
  component.setComposerValue({ selectedToolId: null });
  openConnectors();
}

// A link may be a stranger's words: it names a place that is known here, or nothing.
function linkFollowed({ detail }) {
  if (detail.name === "connectors") openConnectors();
}

// What our own server asks for, and it leads to pages of its own alone.
function effectCaused({ detail }) {
  const url = String(detail.data?.url);
  if (detail.name !== "patchbay.open" || !URL.canParse(url)) return;
  if (new URL(url).origin === new URL(JSON.parse(config).api.url).origin) openPage(url);
}

function listen() {
  component.addEventListener("chatkit.ready", ready);
  component.addEventListener("chatkit.error", failed);
  component.addEventListener("chatkit.thread.change", threadChanged);
  component.addEventListener("chatkit.tool.change", toolChanged);
  component.addEventListener("chatkit.deeplink", linkFollowed);
  component.addEventListener("chatkit.effect", effectCaused);
  addEventListener("focus", refresh);
  new MutationObserver(configure).observe(document.documentElement, {
    attributeFilter: ["class"],
  });
}

// --- Start ---------------------------------------------------------------------------

function loaded() {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = source;
    script.addEventListener("load", resolve);
    script.addEventListener("error", reject);
    document.head.append(script);
  });
}

async function start() {
  showSame();
  try {
    config = await readConfig();
  } catch {
    show("config");
    return;
  }
  // A network that answers nothing is no error for minutes, and a script that brings
  // no component never is.
  const late = setTimeout(show, START_MS, "component");
  try {
    await loaded();
    await customElements.whenDefined("openai-chatkit");
  } catch {
    show("component");
    return;
  } finally {
    clearTimeout(late);
  }
  loading.remove();
  problem.replaceChildren();
  component = document.createElement("openai-chatkit");
  listen();
  configure();
  place.append(component);
  setTimeout(failed, START_MS);
}

start();
