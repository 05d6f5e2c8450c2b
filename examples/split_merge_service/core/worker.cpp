#include "worker.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <utility>

namespace split_merge {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::refused;

/// What is remembered of a request between steps; all of it can be found out again.
struct worker::job {
  std::uint64_t id;
  shard source;
  shard target;
  std::uint64_t rows = 0;      ///< of the range
  std::uint64_t finished = 0;  ///< of these: copied, or removed
  std::int64_t next = 0;       ///< the next key to copy, or to compare
  bool begun = false;          ///< this phase's first step
  bool all_copied = false;
};

/// The lock on a file, held until this object or the process is gone.
struct worker::exclusive {
  explicit exclusive(const std::filesystem::path& file)
      : number(::open(file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)) {
    const auto refuse = [&](errc what) {
      if (number >= 0) ::close(number);
      throw refused(
          error(what).with(fact::file, file.string()).with(fact::reason, "one worker at a time"));
    };
    if (number < 0) refuse(errc::io_failed);
    if (::flock(number, LOCK_EX | LOCK_NB) != 0) refuse(errc::store_busy);
  }
  exclusive(const exclusive&) = delete;
  exclusive& operator=(const exclusive&) = delete;
  ~exclusive() { ::close(number); }

  int number;
};

worker::worker(const std::filesystem::path& metadata_file, opener open, worker_options options)
    : metadata_(metadata_file),
      open_(std::move(open)),
      options_(std::move(options)),
      only_(std::make_unique<exclusive>(metadata_file.string() + ".worker")) {
  if (options_.batch.rows == 0 || options_.batch.bytes == 0)
    throw refused(
        error(errc::invalid_argument).with(fact::reason, "a batch has at least a row and a byte"));
}
worker::~worker() = default;

void worker::at(step reached) const {
  if (options_.at_step) options_.at_step(reached);
}

worker::outcome worker::work_once() {
  const auto now = metadata_.next();
  if (!now) return outcome::idle;
  try {
    act(*now);
    return outcome::worked;
  } catch (const refused& why) {
    job_.reset();
    return fail(*now, why.reason());
  }
}

void worker::act(const request_status& now) {
  switch (now.at) {
    case phase::queued:
      return start(now);
    case phase::copying:
      return copy(now);
    case phase::switching:
      metadata_.switch_range(now, [this] { at(step::committing); });
      return at(step::switched);
    case phase::cleaning:
      return clean(now);
    case phase::undoing:
      return undo(now);
    default:
      throw refused(error(errc::store_corrupt).with(fact::key, now.id));
  }
}

worker::outcome worker::fail(const request_status& now, const error& why) {
  if (options_.on_failure) options_.on_failure(why);
  // Whoever may ask sees this: what is wrong, and nothing of this machine.
  auto text = std::string(name_of(why.code()));
  if (const auto reason = why.value_of(fact::reason); !reason.empty())
    text.append(": ").append(reason);
  const bool later = why.code() == errc::store_busy;
  if (now.at == phase::queued && !later) {
    metadata_.finish(now.id, phase::failed, text);
    at(step::ended);
    return outcome::worked;
  }
  if ((now.at == phase::copying || now.at == phase::switching) && !later) {
    metadata_.begin_undo(now.id, text);  // unless the switch was committed all the same
    at(step::turned_back);
    return outcome::worked;
  }
  metadata_.note_waiting(now.id, text);
  return outcome::waiting;
}

shard worker::open_shard(const request_status& now, role as) const {
  const auto& name = as == role::source ? now.asked.source : now.asked.target;
  const auto file = metadata_.file_of(name);
  const auto opened =
      open_(metadata_.sealed_credential(now.id, as), owner_of(now.id, as, name)).value();
  const auto shown = parse_connection_string(opened);
  if (shown.file != file)
    throw refused(error(errc::invalid_argument)
                      .with(fact::name, name)
                      .with(fact::reason, reason::wrong_file));
  return shard(file, shown.secret);
}

worker::job& worker::job_for(const request_status& now) {
  if (!job_ || job_->id != now.id) {
    job_ = std::make_unique<job>(
        job{now.id, open_shard(now, role::source), open_shard(now, role::target)});
    at(step::opened);
  }
  return *job_;
}

void worker::start(const request_status& now) {
  // The map may have changed since the request was taken.
  const auto map = metadata_.map();
  check(now.asked, map, {now.asked.source, now.asked.target});
  job_for(now);
  metadata_.advance(now.id, phase::queued, phase::copying);
  at(step::claimed);
}

void worker::copy(const request_status& now) {
  const auto keys = now.asked.moving();
  auto& on = job_for(now);
  if (!on.begun) {
    on.next = on.target.begin_incoming(keys, now.id);
    at(step::incoming);
    on.source.begin_leaving(keys, now.id);
    at(step::leaving);
    on.rows = on.source.count(keys);
    on.finished = on.target.count(keys);
    on.begun = true;
  }
  if (on.all_copied) return compare(now, on);
  const auto [rows, last] = on.source.some_rows({on.next, keys.high}, options_.batch);
  if (!rows.empty()) {
    on.target.add(now.id, rows, rows.back().key + 1);
    at(step::copied);
    on.next = rows.back().key + 1;
    on.finished += rows.size();
  }
  if (last) {
    on.all_copied = true;
    on.next = keys.low;
  }
  metadata_.note_copied(now.id, on.rows, on.finished);
  at(step::noted);
}

void worker::compare(const request_status& now, job& on) {
  const range left{on.next, now.asked.moving().high};
  const auto here = on.source.some_rows(left, options_.batch);
  if (here != on.target.some_rows(left, options_.batch))
    throw refused(error(errc::store_corrupt)
                      .with(fact::name, now.asked.target)
                      .with(fact::reason, "the copy is not what was copied"));
  if (!here.rows.empty()) on.next = here.rows.back().key + 1;
  at(step::compared);
  if (!here.last) return;
  metadata_.advance(now.id, phase::copying, phase::switching);
  at(step::ready);
  on.begun = false;  // the next phase begins
}

void worker::clean(const request_status& now) {
  auto& on = job_for(now);
  if (!on.begun) {
    on.source.retire(now.id);
    at(step::retired);
    on.target.take_over(now.id);
    at(step::taken_over);
    on.finished = now.rows - std::min(now.rows, on.source.count(now.asked.moving()));
    on.begun = true;
  }
  if (const auto removed = on.source.remove_some(now.id, options_.batch); removed > 0) {
    on.finished += removed;
    metadata_.note_removed(now.id, on.finished);
    return at(step::removed);
  }
  on.source.checkpoint();
  on.target.checkpoint();
  at(step::emptied);
  count(now.asked.source, on.source);
  count(now.asked.target, on.target);
  metadata_.finish(now.id, phase::done);
  job_.reset();
  at(step::ended);
}

void worker::undo(const request_status& now) {
  job_.reset();
  // The source first: it can be written again even if the target is not there.
  open_shard(now, role::source).stay(now.id);
  at(step::stayed);
  const auto target = open_shard(now, role::target);
  while (target.remove_some(now.id, options_.batch) > 0) at(step::dropped);
  target.checkpoint();
  metadata_.finish(now.id, phase::failed);
  at(step::ended);
}

void worker::count(const std::string& name, const shard& in) {
  const auto map = metadata_.map();
  for (const auto& each : map.entries())
    if (each.shard == name) metadata_.note_rows(each.keys, name, in.count(each.keys));
}

void worker::run(const std::stop_token& stop) {
  std::mutex alone;
  std::condition_variable_any wake;
  while (!stop.stop_requested()) {
    auto done = outcome::waiting;
    try {
      done = work_once();
    } catch (const refused& why) {  // the metadata is not there
      if (options_.on_failure) options_.on_failure(why.reason());
    } catch (const std::exception& why) {  // no memory, say
      if (options_.on_failure)
        options_.on_failure(error(errc::backend_failed).with(fact::reason, why.what()));
    }
    if (done == outcome::worked) continue;
    std::unique_lock held(alone);
    wake.wait_for(held, stop, options_.pause, [] { return false; });
  }
}

}  // namespace split_merge
