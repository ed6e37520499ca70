"use strict";
// ReDoc in the colours of the site: its theme is made of the tokens that hold in the present colour scheme.
(() => {
  const styles = getComputedStyle(document.documentElement);
  const token = (name) => styles.getPropertyValue(name).trim();
  const [text, muted, line, surface, sunken] = ["--text", "--muted", "--line", "--surface", "--sunken"].map(token);
  const element = document.getElementById("redoc");

  const theme = {
    colors: {
      primary: { main: token("--primary"), contrastText: token("--on-primary") },
      success: { main: token("--ok") },
      warning: { main: token("--warn"), contrastText: token("--bg") },
      error: { main: token("--bad"), contrastText: token("--bg") },
      text: { primary: text, secondary: muted },
      border: { dark: line, light: line },
      responses: {
        success: { color: token("--ok"), backgroundColor: token("--ok-bg") },
        error: { color: token("--bad"), backgroundColor: token("--bad-bg") },
        redirect: { color: token("--warn"), backgroundColor: token("--warn-bg") },
        info: { color: token("--info"), backgroundColor: token("--info-bg") },
      },
    },
    schema: { nestedBackground: sunken, linesColor: line, typeNameColor: muted, typeTitleColor: muted, requireLabelColor: token("--bad"), labelsTextSize: "0.9em", nestingSpacing: "1em" },
    typography: {
      fontSize: "15px", lineHeight: "1.5", fontFamily: token("--sans"),
      headings: { fontFamily: token("--sans"), fontWeight: "600" },
      code: { fontSize: "13px", fontFamily: token("--mono"), color: text, backgroundColor: sunken, wrap: true },
      links: { color: token("--link"), visited: token("--link"), hover: token("--link") },
    },
    sidebar: { backgroundColor: surface, textColor: text, activeTextColor: token("--link") },
    rightPanel: { backgroundColor: "#16201b", textColor: "#f1f6f3" },
    codeBlock: { backgroundColor: "#0d1511" },
  };

  Redoc.init(element.dataset.schema, { theme, hideDownloadButtons: false, pathInMiddlePanel: true }, element);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => location.reload());
})();
