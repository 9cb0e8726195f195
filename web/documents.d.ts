// Shapes of the documents of /api/v1, as far as the console reads them. docs/api/openapi.json has all of them.

export interface ProblemDocument { type: string; title: string; status: number; detail: string; kind: string; help: string | null; place: Place | null; most?: number }
export interface Place { line: number; column: number; key?: string }
export interface Page<T> { items: T[]; next: string | null }

export interface About { version: string; workspace: string; language: string; remote: boolean; seq: number; confirm_above: number; reviewer: string; roots: string[]; simulator: boolean; runs?: boolean; owner?: { pid: number; host: string; command: string } | null }
export interface Activity {
  jobs: { id: number; rate_per_minute: number | null; eta_s: number | null; running: number }[];
  profiles: { name: string; limit: number; in_flight: number; paused: unknown }[];
}

export type TaskState = 'queued' | 'running' | 'waiting' | 'succeeded' | 'partial' | 'failed' | 'refused' | 'unknown' | 'stopped';
export type JobState = 'submitting' | 'active' | 'paused' | 'stopped' | 'finished';
export interface FailureGroup { kind: string; state?: string; tasks: number; task?: number; title?: string; message?: string }
export interface Job {
  job: string; id: number; state: JobState; reason: string | null; profile: string; model?: string; recipe?: string; created_us?: number;
  tasks: Record<TaskState, number>; total: number; pictures: number; spent: number; unpriced: number; reserved: number; budget: number | null;
  waiting_until_us?: number | null; profile_paused?: { kind: string; reason: string; until_us: number | null } | null;
  failures?: FailureGroup[]; put_off?: Record<string, number>; unknown?: { call: number; task: number; ceiling: number | null }[]; seconds?: number; saved?: Saved | null; not_saved?: string | null;
}

export interface Plan {
  job: string; name?: string; recipe: string; profile: string; provider: string; protocol: string; model: string;
  size: { size: string | null; aspect_ratio: string | null; pixels: number | null } | null; tasks: number; sources: number;
  cost: { low: number; likely: number; high: number; source: string; date: string } | null; call_ceiling: number | null; budget: number | null;
  steps?: { kind: string; times: [number, number, number]; model: string; call: { low: number; likely: number; high: number } | null }[];
  seconds_at_rate: number | null; unknown_policy: string; skipped: { path: string; reason: { reason: string; of?: string; detail?: string } }[];
  ignored_files: number; warnings: string[]; task_list: { key: string; source: string; prompt: string; sample: number }[];
  needs_consent?: boolean; most?: number | null; known?: number;
}

export interface TaskRow {
  id: number; job: number; position: number; title: string; state: TaskState; failure: { kind: string; message: string } | null; prompt: string;
  pictures: number; cost: number | null; tries: number; thumbnails: string[]; source: string | null;
}

export interface Collection {
  name: string; title: { en: string; zh: string } | null; accepted: number; target: number; gap: number; percent: number | null; pictures: number; states: Record<string, number>;
  batch: number; batches: number; batches_left: number; next_milestone: number | null; next_batch: number; milestones: number[]; due: string | null; spent: number; unpriced: number; cost_each: number | null;
  seconds_left: number | null; key: string;
}
export interface QueueList {
  name: string; view: string; counts: Record<string, number>; total: number; second_read: number;
  agreement: { reviewers: { name: string; reviewed: number; keep: number; reject: number }[]; pairs: { a: string; b: string; both: number; agree: number; kappa: number | null }[]; disputed: number; scored_twice: number; score_gap: number | null };
  judge: { judge: string | null; looked: number; anchors: number; calibration: { anchors: number; error: number; error_raw: number } | null; drift: { anchors: number; shift: number; alarm: boolean } | null };
  items: { picture: string; name: string; state?: string; decision?: string; points?: number; reasons?: any[]; edited?: boolean; quality?: number | null }[]; next: string | null;
}
export interface CritiqueReading { reader: string; verdict: string; score: number | null; note: string; blind: boolean; at_us: number }
export interface CritiquePage {
  name: string; picture: string; file: string; blind: boolean; version: string; row: Record<string, any>; dimensions: { id: string; layer: number; name: { en: string; zh: string } | null; covered: boolean }[];
  reading: CritiqueReading | null; decision?: string; points?: number; reasons?: any[]; findings?: { rule: string; message: string }[]; claims?: { claim: string; support: string; where: string }[] | null; quality?: number | null;
  edits?: { author: string; at_us: number; note: string; changes: { member: string; difference: { kind: string; text: string }[] }[] }[]; readings?: CritiqueReading[];
}

export type Verdict = 'keep' | 'reject' | 'none';
export interface Review { verdict: Verdict; rating: number; note: string }
export interface Row {
  id: number; task: number; job: number; hash: string; format: string; width: number; height: number; bytes: number; title: string; prompt: string;
  model: string; findings: string[]; stack: number | null; source: { hash?: string; task: number } | null; review: Review | null;
  reviews: { keep: number; reject: number; disputed: boolean }; created_us: number;
}
export interface Ids { ids: number[]; total: number; seq: number }
export interface Change { id: number; verdict?: Verdict; rating?: number; note?: string }
export interface Agreement {
  reviewers: { name: string; reviewed: number; keep: number; reject: number }[];
  pairs: { a: string; b: string; both: number; agree: number; kappa: number | null }[]; disputed: number;
}

export interface SaveRule {
  name?: string; replace_from?: string; replace_to?: string; text?: boolean; text_template?: string; only_first?: boolean; only_kept?: boolean;
  keep_folders?: boolean; copy_source?: boolean; source_name?: string; collision?: 'skip' | 'overwrite' | 'suffix'; manifest?: boolean; contact_sheet?: boolean;
}
export interface SavePreset { name: string; built_in: boolean; rule: SaveRule }
export interface SavePreview { folder: string; names: { task: number; asset: number; kind: string; file: string; there: boolean }[]; pictures: number; errors: { task: number; path: string; message: string }[] }
export interface Saved { folder: string; pictures: number; sources: number; texts: number; already_there: number; skipped: number; errors: { task: number; path: string; message: string }[]; error_count: number; manifest: string | null; contact_sheets: string[] }
export interface SaveRun { state: 'running' | 'done' | 'failed'; done: number; total: number; result: Saved | null; error?: string | { message: string } | null }

export interface Limits { concurrency?: number; requests_per_minute?: number | null; images_per_minute?: number | null; bytes_in_flight?: number; longest_wait_ms?: number }
export interface Profile {
  name: string; description: string; provider: string; protocol: string; base_url: string; model: string; credential: { env?: string; file?: string; keyring?: string } | null; ready: boolean;
  default: boolean; limits: Limits; budget?: { day: number | string | null; total: number | string | null } | null; paused?: { kind: string; reason: string; until_us: number | null } | null;
  network: { allow_private_api: boolean; allow_private_downloads: boolean }; origin: string; editable: boolean;
}

export interface Costs { by: string; groups: CostGroup[]; total: CostGroup }
export interface CostGroup { name: string; calls: number; pictures: number; spent: number; held: number; unknown: number; unpriced: number }
export interface LostCall { call: number; task: number; task_state: string; title: string; job: string; profile: string; model: string; sent_us: number; ceiling: number | null; message: string }

export interface DoctorFinding { check: string; profile: string | null; level: string; message: string; fix: string | null }
export interface Loose { files: number; bytes: number; removed: boolean; paths: string[] }
export interface Config { settings: { key: string; value: string; origin: string }[]; save_presets: string[]; workspace: string; unknown_keys: string[][] }
export interface AuditEntry { at_us: number; who: string; method: string; path: string; detail: string; status: number }

export interface DeckRow { id: string; deck_id: string; folder: string; title: string | null; topic: string; page_count: number | null; pages_done: number; created_at: string; fault: string | null }
export interface DeckPage {
  page_no: number; prompt_done: boolean; png_done: boolean; action: string; why: string | null; title: string | null; prompt: string | null; picture: string | null;
  failure: string | null; takes: string[]; words: { fidelity: number; misprints: { label: string; read: string | null; state: string }[] } | null;
}
export interface Deck extends DeckRow {
  style_spec_done: boolean; outline_done: boolean; pptx_done: boolean; style: string; pages: DeckPage[];
  jobs: { id: number; what: string; state: JobState; reason: string | null; spent: number; unpriced: number; open: number }[];
  goes_on: boolean;
}
export interface AssetCard {
  folder: string; asset: string; persona: string | null; concept: string | null; campaign: string | null; purpose: string | null; status: string | null; hero: string | null;
  updated: string | null; candidates: number; approved: number; rejected: number;
}
export interface ReviewWords { questions: string[]; answers: string[]; categories: string[]; stages: string[] }
export interface AssetList { path: string; assets: AssetCard[]; more: boolean; words: ReviewWords }
export interface AssetPicture { path: string; object: string; run: string | null; sha256: string; verdict: string | null; waits: boolean; hero: boolean; copies?: string[] }
export interface Asset { card: AssetCard; pictures: AssetPicture[]; runs: Record<string, any>; decisions: any[] }
export interface Spread { least: number; middle: number; most: number }
export interface DriftPicture {
  folder: string; asset: string; path: string; object: string; sha256: string; verdict: string | null; waits: boolean; perceptual_bits: number | null; colour_delta_e: number | null; error: string | null;
}
export interface Drift { name: string; reference: { folder: string; path: string } | null; pictures: DriftPicture[]; perceptual_bits: Spread | null; colour_delta_e: Spread | null }
