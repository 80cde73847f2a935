import { defineConfig, loadEnv } from "vite";

export default defineConfig(({ mode }) => {
  // Where `npm run dev` finds a running server; its certificate is its own, so it is not checked.
  const server = loadEnv(mode, ".", "PLENARY_")["PLENARY_URL"] ?? "https://localhost:8443";
  return {
    build: {
      // The server's Content-Security-Policy is default-src 'self': no data: URIs, no inline scripts.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      target: ["chrome123", "firefox120", "safari17.5"],
    },
    server: {
      proxy: mode === "mock" ? {} : { "/api": { target: server, secure: false, changeOrigin: true, ws: true, rewriteWsOrigin: true } },
    },
  };
});
