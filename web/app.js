// Lists the jobs, and again whenever something happens.
const table = document.getElementById("jobs");

async function show() {
  const answer = await fetch("/api/v1/jobs");
  const { items } = await answer.json();
  table.replaceChildren(...items.map((job) => {
    const row = document.createElement("tr");
    for (const text of [job.job, job.state, job.total, job.pictures, `$${job.spent.toFixed(4)}`]) {
      row.insertCell().textContent = text;
    }
    return row;
  }));
}

await show();
new EventSource("/api/v1/events").addEventListener("event", show);
