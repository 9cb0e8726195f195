// Runs before the first paint, so that the page never flashes in the other theme. The switch itself is in state.js.
try {
  const theme = localStorage.getItem('imagemill.theme');
  if (theme === '"light"' || theme === '"dark"') document.documentElement.dataset.theme = JSON.parse(theme);
} catch {
  // Storage is off: the system's theme holds.
}
