#include "worker_role.hpp"

#include <csignal>

#include <memory>
#include <mutex>
#include <thread>

#include "core/certificate_sealing.hpp"
#include "core/worker.hpp"
#include "log.hpp"
#include "settings.hpp"

namespace split_merge {

namespace kw = keywarden;

namespace {

/// What opens credentials now: replaced while the worker runs.
class current_opener {
 public:
  explicit current_opener(opener first) : now_(std::move(first)) {}
  void replace(opener next) {
    const std::scoped_lock held(guard_);
    now_ = std::move(next);
  }
  [[nodiscard]] opener get() const {
    const std::scoped_lock held(guard_);
    return now_;
  }

 private:
  mutable std::mutex guard_;
  opener now_;
};

/// Seals what is kept for the primary certificate. What cannot be rewrapped stays as it is.
void rewrap(const worker_settings& with) {
  metadata kept(with.metadata);
  const auto done = kept.rewrap_all(rewrapping_with(with.opener, with.sealer));
  log("credentials: " + std::to_string(done.rewrapped) + " of " + std::to_string(done.total) +
      " rewrapped for the primary certificate, " + std::to_string(done.refused.size()) +
      " refused");
  for (const auto& each : done.refused)
    log("request " + std::to_string(each.request) + ": " + each.why.message());
}

}  // namespace

void run_worker(const options& asked) {
  ::sigset_t signals;
  ::sigemptyset(&signals);
  for (const int each : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&signals, each);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const auto first = read_worker_settings(asked);
  const auto opens = std::make_shared<current_opener>(opening_with(first.opener));
  worker_options how;
  how.batch = {asked.batch, asked.batch_bytes};
  how.on_failure = [](const kw::error& why) { log(why.message()); };
  worker works(
      first.metadata,
      [opens](kw::bytes_view sealed, std::string_view owner) {
        return opens->get()(sealed, owner);
      },
      how);
  rewrap(first);
  const std::jthread thread([&works](const std::stop_token& stop) { works.run(stop); });
  log("worker: ready");
  for (;;) {
    int caught = 0;
    if (::sigwait(&signals, &caught) != 0 || caught != SIGHUP) break;
    try {
      const auto next = read_worker_settings(asked);
      if (next.metadata != first.metadata)
        throw kw::refused(kw::error(kw::errc::not_permitted)
                              .with(kw::fact::name, "ElasticScaleMetadata")
                              .with(kw::fact::next_step, "restart the worker to change this"));
      opens->replace(opening_with(next.opener));
      rewrap(next);
      log("worker: the configuration was read again");
    } catch (const kw::refused& why) {
      log(std::string("worker: the old configuration stays: ") + why.what());
    }
  }
  log("worker: stopping");
}

}  // namespace split_merge
