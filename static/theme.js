// Loaded before first paint: the theme that was chosen here, else the system's.
{
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    let chosen = null;
    try {
      chosen = localStorage.getItem("theme");
    } catch {
      // Storage is off: the system decides.
    }
    const dark = chosen ? chosen === "dark" : system.matches;
    document.documentElement.classList.toggle("dark", dark);
  };
  apply();
  system.addEventListener("change", apply);
  // Another tab chose; `theme` is this tab's own event, from app.js.
  addEventListener("storage", apply);
  addEventListener("theme", apply);
}
