// What the server cannot do: countdowns, the theme, and keeping what a person is typing or has opened while the page updates.
(function () {
  "use strict";

  var loaded = Date.now();

  function now() {
    var body = document.body;
    return Date.parse(body.dataset.now) + (Date.now() - loaded) * Number(body.dataset.rate);
  }

  function two(number) { return String(number).padStart(2, "0"); }

  function tick() {
    said();
    var present = now();
    var date = new Date(present);
    document.querySelectorAll("[data-clock]").forEach(function (node) {
      node.textContent = two(date.getUTCHours()) + ":" + two(date.getUTCMinutes()) + ":" + two(date.getUTCSeconds()) + " UTC";
    });
    document.querySelectorAll("[data-until]").forEach(function (node) {
      var left = Math.floor((Date.parse(node.dataset.until) - present) / 1000);
      if (left <= 0) node.textContent = "expired";
      else if (left >= 3600) node.textContent = "expires in " + Math.floor(left / 3600) + " h " + Math.floor(left % 3600 / 60) + " min";
      else node.textContent = "expires in " + Math.floor(left / 60) + ":" + two(left % 60);
    });
  }

  function theme(to) {
    var root = document.documentElement;
    if (to) { root.dataset.theme = to; } else { delete root.dataset.theme; }
    try { if (to) { localStorage.setItem("midwatch-theme", to); } else { localStorage.removeItem("midwatch-theme"); } } catch (error) { /* storage may be off */ }
    pressed();
  }

  function pressed() {
    var present = document.documentElement.dataset.theme || "";
    document.querySelectorAll("[data-theme-to]").forEach(function (button) {
      button.setAttribute("aria-pressed", String(button.dataset.themeTo === present));
    });
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-theme-to]");
    if (button) theme(button.dataset.themeTo);
    document.querySelectorAll("details.menu[open]").forEach(function (menu) {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  document.addEventListener("change", function (event) {
    if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
  });

  // An open page that hears nothing says so; when it hears again it looks at once what it missed.
  var PATIENCE = 4000;
  var since = { stream: 0, answers: 0 };

  function unheard(what) { since[what] = since[what] || Date.now(); }

  function heard(what) {
    var missed = since[what];
    since[what] = 0;
    said();
    if (missed && what === "stream") htmx.trigger(document.body, "midwatch:back");
  }

  function said() {
    var stale = document.getElementById("stale");
    if (!stale) return;
    var first = Math.min(since.stream || Infinity, since.answers || Infinity);
    var shown = Date.now() - first > PATIENCE;
    if (shown && stale.hidden) {
      var date = new Date(now() - (Date.now() - first) * Number(document.body.dataset.rate));
      stale.textContent = "Midwatch does not answer. What is shown is of " + two(date.getUTCHours()) + ":" + two(date.getUTCMinutes()) + ":" + two(date.getUTCSeconds()) + " UTC, and follows again when it does.";
    }
    stale.hidden = !shown;
  }

  document.addEventListener("htmx:sseError", function () { unheard("stream"); });
  document.addEventListener("htmx:sseOpen", function () { heard("stream"); });
  document.addEventListener("htmx:sendError", function () { unheard("answers"); });
  document.addEventListener("htmx:afterRequest", function (event) {
    var status = event.detail.xhr ? event.detail.xhr.status : 0;
    if (status >= 500) unheard("answers"); else if (status) heard("answers");
  });

  // A second click while the first is on its way would only be told that it does not count.
  document.addEventListener("submit", function (event) {
    if (!event.target.matches("[data-once]")) return;
    if (event.target.dataset.sent) { event.preventDefault(); return; }
    event.target.dataset.sent = "yes";
    event.target.querySelectorAll("button").forEach(function (button) { button.setAttribute("aria-disabled", "true"); });
  });

  function step(by) {
    var lines = Array.from(document.querySelectorAll("[data-line]"));
    var present = lines.indexOf(document.activeElement);
    var next = lines[present < 0 ? (by > 0 ? 0 : lines.length - 1) : present + by];
    if (next) next.focus();
  }

  function reject() {
    var form = document.querySelector("details.reject");
    if (!form) return;
    form.open = true;
    form.querySelector("textarea").focus();
  }

  var went = 0;
  var keys = {
    j: function () { step(1); },
    k: function () { step(-1); },
    a: function () { var button = document.querySelector("[data-approve]"); if (button) button.focus(); },
    r: reject,
    g: function () { went = Date.now(); },
    "?": function () { document.getElementById("keys").showModal(); }
  };

  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") document.querySelectorAll("details.menu[open]").forEach(function (menu) { menu.open = false; menu.querySelector("summary").focus(); });
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
    if (document.querySelector("dialog[open]")) return;
    var link = Date.now() - went < 1500 && document.querySelector('[data-key="' + CSS.escape(event.key) + '"]');
    went = 0;
    if (link) { event.preventDefault(); link.click(); return; }
    var wanted = document.querySelector('[data-shortcut="' + CSS.escape(event.key) + '"]');
    if (wanted) { event.preventDefault(); wanted.focus(); return; }
    if (event.key === "/" && document.querySelector("[data-key]")) { event.preventDefault(); location.href = "/#q"; return; }
    if (keys[event.key] && document.getElementById("keys")) { event.preventDefault(); keys[event.key](); }
  });

  document.addEventListener("click", function (event) {
    var opens = event.target.closest("[data-opens]");
    var closes = event.target.closest("[data-closes]");
    if (opens) document.getElementById(opens.dataset.opens).showModal();
    if (closes) document.getElementById(closes.dataset.closes).close();
  });

  // An address says what was chosen, not what was left alone.
  document.addEventListener("htmx:configRequest", function (event) {
    if (!event.target.matches("form.filters")) return;
    Array.from(event.detail.formData.keys()).forEach(function (name) {
      if (!event.detail.formData.get(name)) event.detail.formData.delete(name);
    });
  });

  if (window.Idiomorph) {
    Idiomorph.defaults.callbacks.beforeAttributeUpdated = function (name, node) {
      return !(name === "open" && node.tagName === "DETAILS");
    };
    Idiomorph.defaults.callbacks.beforeNodeMorphed = function (old, fresh) {
      var kept = old.dataset && old.dataset.keep;
      return !(kept && fresh.dataset && fresh.dataset.keep === kept);
    };
  }

  // A page that comes back out of the browser's memory may be decided anew.
  window.addEventListener("pageshow", function (event) {
    if (event.persisted) location.reload();
  });

  if (location.hash === "#q" && document.getElementById("q")) document.getElementById("q").focus();
  document.documentElement.classList.toggle("htmx-loaded", Boolean(window.htmx));
  pressed();
  tick();
  setInterval(tick, 1000);
})();
