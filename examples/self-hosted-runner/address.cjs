// On a self-hosted runner of GitHub, say as /opt/snowbank/address.cjs: points `actions/cache` and its like to a Snowbank server.
// Other actions use the same variable for other services, artifacts among them: only these are pointed elsewhere.
if (/[\\/]_actions[\\/]actions[\\/](cache|setup-[a-z]+)[\\/]/.test(process.argv[1] ?? "")) {
  process.env.ACTIONS_RESULTS_URL = "https://cache.example.org/";
  process.env.ACTIONS_CACHE_URL = "https://cache.example.org/";
}
