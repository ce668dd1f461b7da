// The browser lets no string become HTML but by this policy (Content-Security-Policy: require-trusted-types-for). HTML
// comes from our own templates, which escape all that they are filled with. There is no way for a string to become a
// script or the address of one: the policy has none.
"use strict";
window.trustedTypes?.createPolicy("default", { createHTML: (html) => html });
