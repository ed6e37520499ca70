"use strict";
// The server renders; this fetches the page again each second and replaces the parts that differ.
(() => {
  const INTERVAL_MS = 1000;
  const TIMEOUT_MS = 5000;
  const LIVE = ["title", "text", "seen", "numbers", "minute", "topology", "failovers", "table"];
  let answered = Date.now();

  const show = (page) => {
    document.title = page.title;
    document.getElementById("status").className = page.getElementById("status").className;
    for (const id of LIVE) {
      const [now, next] = [document.getElementById(id), page.getElementById(id)];
      if (now && next && now.innerHTML !== next.innerHTML) now.innerHTML = next.innerHTML;
      // After a login or logout elsewhere the page is another one.
      if (Boolean(now) !== Boolean(next)) location.reload();
    }
  };

  const ask = async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!answer.ok) throw new Error(String(answer.status));
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    document.getElementById("lost").hidden = true;
    answered = Date.now();
  };

  const lose = () => {
    const lost = document.getElementById("lost");
    lost.hidden = false;
    lost.textContent = `No answer for ${Math.round((Date.now() - answered) / 1000)} s. Trying again.`;
    document.getElementById("status").className = "status lost";
  };

  const again = () => ask().catch(lose).finally(() => setTimeout(again, INTERVAL_MS));
  setTimeout(again, INTERVAL_MS);
})();
