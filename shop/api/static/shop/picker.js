"use strict";
// A product picker on top of a text field for a SKU: a combobox with a list (WAI-ARIA 1.2), over the search of products.
(() => {
  const MAX_RESULTS = 8, MIN_CHARS = 2, MAX_CHARS = 64, DEBOUNCE_MS = 200;

  const element = (name, attributes, text) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };

  const pick = (input) => {
    const list = element("ul", { id: `${input.id}-options`, role: "listbox", class: "picker-options", "aria-label": "Products" });
    const chosen = element("p", { id: `${input.id}-chosen`, class: "hint", "data-chosen": "", role: "status" }, "Type a name or a SKU.");
    const label = input.parentElement.querySelector("label");
    let found = [], active = -1, timer = 0, request = null;

    const activate = (index) => {
      active = index;
      [...list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === index)));
      if (index < 0) return input.removeAttribute("aria-activedescendant");
      input.setAttribute("aria-activedescendant", list.children[index].id);
      list.children[index].scrollIntoView({ block: "nearest" });
    };
    const close = () => {
      list.hidden = true;
      input.setAttribute("aria-expanded", "false");
      activate(-1);
    };
    const choose = (product) => {
      input.value = product.sku;
      chosen.textContent = `${product.name}, ${product.price} ${product.currency}, ${product.stock} in stock`;
      const quantity = input.closest("[data-line]")?.querySelector("input[type=number]");
      if (quantity && quantity.value === "") quantity.value = "1";
      close();
    };
    const show = (products) => {
      found = products;
      list.replaceChildren(...products.map((product, index) => {
        const option = element("li", { id: `${list.id}-${index}`, role: "option", "aria-selected": "false" });
        option.append(element("span", {}, product.name), element("span", { class: "muted small" }, `${product.sku} · ${product.price} ${product.currency} · ${product.is_sold ? "sold out" : `${product.stock} in stock`}`));
        // Before the field loses the focus, which closes the list.
        option.addEventListener("pointerdown", (event) => { event.preventDefault(); choose(product); });
        return option;
      }));
      if (!products.length) chosen.textContent = "No product matches.";
      else chosen.textContent = `${products.length} shown. Choose with the arrow keys and Enter.`;
      list.hidden = !products.length;
      input.setAttribute("aria-expanded", String(products.length > 0));
      activate(-1);
    };
    const look = async () => {
      request?.abort();
      const words = input.value.trim().slice(0, MAX_CHARS);
      if (words.length < MIN_CHARS) return close();
      const asked = request = new AbortController();
      const query = new URLSearchParams({ search: words, page_size: String(MAX_RESULTS) });
      try {
        const response = await fetch(`${input.dataset.picker}?${query}`, { headers: { Accept: "application/json" }, signal: asked.signal });
        const page = response.ok ? await response.json() : { results: [] };
        if (!asked.signal.aborted && document.activeElement === input) show(page.results.slice(0, MAX_RESULTS));
      } catch (error) {
        if (error.name === "AbortError") return;
        chosen.textContent = "The products cannot be searched at the moment. Type a SKU.";
        close();
      }
    };

    input.setAttribute("role", "combobox");
    input.setAttribute("autocomplete", "off");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", list.id);
    input.setAttribute("aria-describedby", [input.getAttribute("aria-describedby"), chosen.id].filter(Boolean).join(" "));
    label.textContent = "Product";
    input.after(list, chosen);
    close();
    input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(look, DEBOUNCE_MS); });
    input.addEventListener("blur", () => { clearTimeout(timer); request?.abort(); close(); });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !list.hidden) { event.preventDefault(); close(); }
      if (list.hidden || !found.length) return;
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) { event.preventDefault(); activate((active + step + found.length + (active < 0 && step < 0 ? 1 : 0)) % found.length); }
      if (event.key === "Enter" && active >= 0) { event.preventDefault(); choose(found[active]); }
    });
  };

  document.querySelectorAll("[data-picker]").forEach(pick);
  document.addEventListener("line-added", (event) => event.target.querySelectorAll("[data-picker]").forEach(pick));
})();
