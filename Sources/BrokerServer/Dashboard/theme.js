// Light or dark: as the system says, until somebody chooses. A script and no module, so that it runs before anything
// is drawn.
(() => {
  const root = document.documentElement;
  const kept = localStorage.getItem("wsbroker-theme");
  if (kept) root.dataset.theme = kept;

  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);

  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const show = () => button.setAttribute("aria-pressed", isDark());
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      localStorage.setItem("wsbroker-theme", root.dataset.theme);
      show();
      dispatchEvent(new Event("themechange"));
    });
    show();
  });
})();
