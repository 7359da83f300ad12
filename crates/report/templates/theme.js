(() => {
  "use strict";
  document.documentElement.classList.add("has-script");
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be forbidden; the preference of the system holds then.
  }
})();
