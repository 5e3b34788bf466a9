
(function () {
  "use strict";
  var root = document.documentElement;
  var asked = new URLSearchParams(location.search);
  function recall(key) {
    try { return localStorage.getItem("tombolo." + key); } catch (error) { return null; }
  }
  function keep(key, value) {
    try { localStorage.setItem("tombolo." + key, value); } catch (error) { return; }
  }
  function speak(language) {
    root.lang = language;
    document.querySelectorAll("[data-language]").forEach(function (button) {
      button.setAttribute("aria-pressed", String(button.dataset.language === language));
    });
  }
  function isDark() {
    return root.dataset.theme ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
  }
  document.querySelectorAll("[data-language]").forEach(function (button) {
    button.addEventListener("click", function () {
      speak(button.dataset.language);
      keep("language", button.dataset.language);
    });
  });
  document.querySelector("[data-theme-switch]").addEventListener("click", function () {
    root.dataset.theme = isDark() ? "light" : "dark";
    keep("theme", root.dataset.theme);
  });
  var language = asked.get("language") || recall("language") || root.lang;
  speak(language === "zh" ? "zh" : "en");
  var theme = asked.get("theme") || recall("theme");
  if (theme) { root.dataset.theme = theme; }
})();
