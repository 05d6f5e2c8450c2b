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
  const repair = () => {
    name("#MSearchField", "Search");
    name("#MSearchSelect", "What to search");
    name("#MSearchClose", "Clear the search");
    name("#MSearchResults", "Search results");
    name("iframe:not([title])", "Search results");
    name("#main-menu-state", "Show the menu");
    name("doxygen-awesome-fragment-copy-button", "Copy this code");
    name("doxygen-awesome-dark-mode-toggle", "Light or dark");
    document.querySelectorAll("iframe:not([title])").forEach((each) => (each.title = "Search results"));
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
    document.querySelectorAll("div.fragment, table.markdownTable, .figure, div.dotgraph, pre").forEach((each) => {
      if (each.scrollWidth > each.clientWidth) each.tabIndex = 0;
    });
  };
  repair();
  setTimeout(repair, 500);
});
