"use strict";
// Takes the token from the link of a mail. Browsers send what is behind # to no server, so it is in no log.
(() => {
  const field = document.getElementById("token");
  if (!field || location.hash.length < 2) return;
  field.value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
})();
