// What Doxygen's pages lack for keyboards and screen readers.
"use strict";
DoxygenAwesomeDarkModeToggle.init();
DoxygenAwesomeFragmentCopyButton.init();
DoxygenAwesomeParagraphLink.init();

$(function () {
  const name = (selector, label) =>
    document.querySelectorAll(selector).forEach((each) => {
      if (!each.getAttribute("aria-label")) each.setAttribute("aria-label", label);
    });
  // A paragraph in bold, their code, another one ("Keywarden"), ours: side by side.
  const isTitle = (each) => each && each.tagName === "P" && each.children.length === 1 && ["B", "STRONG"].includes(each.firstElementChild.tagName) &&
    each.textContent.trim() === each.firstElementChild.textContent.trim();
  const isCode = (each) => each && (each.matches("div.fragment, .doxygen-awesome-fragment-wrapper"));
  document.querySelectorAll("div.textblock > p, div.contents > p").forEach((title) => {
    if (!isTitle(title) || title.textContent.trim() === "Keywarden" || !isCode(title.nextElementSibling)) return;
    const sides = [[], []];
    let side = 0;
    let next = title;
    while (next && (isCode(next) || next === title || (side === 0 && isTitle(next)))) {
      if (next !== title && isTitle(next)) side = 1;
      sides[side].push(next);
      next = next.nextElementSibling;
    }
    if (side === 0) return;
    const both = document.createElement("div");
    both.className = "sides";
    title.before(both);
    sides.forEach((parts) => {
      const column = document.createElement("div");
      column.append(...parts);
      both.append(column);
    });
  });

  const repair = () => {
    name("#MSearchField", "Search");
    name("#MSearchSelect", "What to search");
    name("#MSearchClose", "Clear the search");
    name("#MSearchResults", "Search results");
    name("#main-menu-state", "Show the menu");
    name("doxygen-awesome-fragment-copy-button", "Copy this code");
    name("doxygen-awesome-dark-mode-toggle", "Light or dark");
    document.querySelectorAll("div.dotgraph iframe").forEach((each) => (each.title = "A graph; the text says the same"));
    document.querySelectorAll("iframe:not([title])").forEach((each) => (each.title = "Search results"));
    document.querySelectorAll("object:not([aria-label])").forEach((each) => {
      const caption = each.parentElement.querySelector(".caption");
      each.setAttribute("aria-label", caption ? caption.textContent : "A drawing");
      each.setAttribute("role", "img");
    });
    const content = document.querySelector("#doc-content");
    if (content) content.tabIndex = -1;
    if (content && content.scrollHeight > content.clientHeight) content.tabIndex = 0;
    document.querySelectorAll("table.directory a > span.icondoc").forEach((each) => {
      const file = each.closest("tr").querySelector("a.el");
      each.parentElement.setAttribute("aria-label", file ? "Text of " + file.textContent : "Text");
    });
    document.querySelectorAll("img:not([alt])").forEach((each) => (each.alt = ""));
    document.querySelectorAll("a:not([href]) img, #nav-sync img").forEach((each) => (each.alt = "Follow the page in the tree"));
    document
      .querySelectorAll("doxygen-awesome-fragment-copy-button, doxygen-awesome-dark-mode-toggle")
      .forEach((each) => {
        each.setAttribute("role", "button");
        if (each.tabIndex < 0) each.tabIndex = 0;
        each.onkeydown = (event) => {
          if (event.key === "Enter" || event.key === " ") {
            event.preventDefault();
            each.click();
          }
        };
      });
    // Code that scrolls has to be reachable without a mouse.
    const wide = "div.fragment, table.markdownTable, table.markdownTable > tbody, div.image, div.dotgraph, pre, .memTemplItemRight, .memItemRight, .memproto, .memdoc";
    document.querySelectorAll(wide).forEach((each) => {
      if (each.scrollWidth > each.clientWidth) each.tabIndex = 0;
    });
  };
  repair();
  // Once more for what other scripts make late; tools/lib/accessibility.py waits for it.
  setTimeout(() => {
    repair();
    document.documentElement.dataset.repaired = "";
  }, 500);
});
