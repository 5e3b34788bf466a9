// Saves clicks; every page works without it.
(function () {
  "use strict";
  var root = document.documentElement;
  function recall(key) {
    try { return localStorage.getItem("tombolo." + key); } catch (error) { return null; }
  }
  function keep(key, value) {
    try { localStorage.setItem("tombolo." + key, value); } catch (error) { return; }
  }
  function isDark() {
    return root.dataset.theme ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
  }
  var theme = recall("theme");
  if (theme === "dark" || theme === "light") { root.dataset.theme = theme; }
  document.querySelectorAll("[data-theme-switch]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () {
      root.dataset.theme = isDark() ? "light" : "dark";
      keep("theme", root.dataset.theme);
    });
  });

  // Times in the reader's own zone.
  function times(part) {
    part.querySelectorAll("time[datetime]").forEach(function (time) {
      var date = new Date(time.getAttribute("datetime"));
      if (!isNaN(date)) {
        time.title = time.textContent;
        time.textContent = date.toLocaleString(root.lang === "zh" ? "zh-CN" : "en-GB",
          { dateStyle: "medium", timeStyle: "short" });
      }
    });
  }
  times(document);

  // A secret line is selected by one click.
  document.querySelectorAll("[data-copy]").forEach(function (line) {
    line.addEventListener("click", function () { getSelection().selectAllChildren(line); });
  });

  // The part of a page that changes while a run goes on.
  document.querySelectorAll("[data-live]").forEach(function (part) {
    part.setAttribute("aria-live", "polite");
    var shown = "";
    function again() {
      if (document.hidden) { setTimeout(again, 2000); return; }
      fetch(part.dataset.live, { credentials: "same-origin" }).then(function (answer) {
        if (!answer.ok || answer.redirected) { throw new Error(String(answer.status)); }
        return answer.text();
      }).then(function (text) {
        part.classList.remove("stale");
        if (text !== shown) {
          shown = text;
          var page = new DOMParser().parseFromString(text, "text/html");
          part.replaceChildren.apply(part, Array.from(page.body.childNodes));
          times(part);
        }
        setTimeout(again, 2000);
      }).catch(function () {
        part.classList.add("stale");
        setTimeout(again, 5000);
      });
    }
    setTimeout(again, 2000);
  });

  // g and a letter lead to a page.
  var places = { i: "/inbox", p: "/partners", d: "/data", a: "/agreements", j: "/jobs", t: "/trust",
    s: "/settings" };
  var going = 0;
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey) { return; }
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) { return; }
    if (event.key === "g") { going = Date.now(); return; }
    if (Date.now() - going < 1500 && places[event.key]
        && document.querySelector("nav a[href='" + places[event.key] + "']")) {
      location.href = places[event.key];
    }
    going = 0;
  });

  // The first field that is wrong is where work goes on.
  var wrong = document.querySelector("[aria-invalid]");
  if (wrong) { wrong.focus(); }
})();
