// The form that adds a connector: what only the browser can see while it is typed in.

const byId = (id) => document.getElementById(id);

// A test proved what was in the form then. What is typed now was not tested.
function changed(event) {
  if (!event.target.matches?.("#add-form [data-proves]")) return;
  const save = document.querySelector("#add-actions [data-save]");
  if (!save || save.ariaDisabled === "true") return;
  save.ariaDisabled = "true";
  document.querySelector("#add-actions [name=test_ticket]").value = "";
  byId("add-note").textContent = "Changed since the test. Test it again to save it.";
}

// The name follows the server's until somebody types one.
function followName() {
  const name = byId("id_name");
  const suggested = byId("suggested-name")?.value;
  if (!name || !suggested) return;
  const last = name.dataset.suggested ?? "";
  if (name.value === "" || name.value === last) name.value = suggested;
  name.dataset.suggested = suggested;
}

// The note below a field says whether there is something wrong with it.
function markFields() {
  const note = byId("url-note");
  const field = byId("id_server_url");
  if (!note || !field) return;
  if (note.classList.contains("err")) field.ariaInvalid = "true";
  else field.removeAttribute("aria-invalid");
}

// Some hidden fields stand in another form, for its own button; they say the same.
function follow({ target }) {
  for (const field of target.elements ?? []) {
    const source = byId(field.dataset.follows ?? "");
    if (source) field.value = source.value;
  }
}

document.addEventListener("submit", follow, true);
document.addEventListener("input", changed);
document.addEventListener("change", changed);
document.addEventListener("htmx:after:swap", () => {
  followName();
  markFields();
});
