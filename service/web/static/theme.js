// Before anything is painted: the theme that was chosen last time. Nothing chosen means the system's.
(function () {
  "use strict";
  var chosen = null;
  try { chosen = localStorage.getItem("midwatch-theme"); } catch (error) { /* storage may be off */ }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
