// A tab that was opened for a sign-in: its work is done. Some browsers close only what
// a script opened; the page says so, and has a button to try it with.

for (const button of document.querySelectorAll("[data-close-tab]")) {
  button.addEventListener("click", () => close());
}
close();
