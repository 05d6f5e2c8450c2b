/// @file
/// Keeping revocation lists fresh in the background.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <keywarden/pki/revocation.hpp>

namespace keywarden::pki {

/// Where one authority's list comes from.
struct revocation_source {
  /// Gets the list, DER or PEM. Called from the refresher's thread; it must come back in bounded
  /// time, since the refresher's end waits for it. What it throws (`std::exception`, but for
  /// running out of memory) counts as a failed fetch, `backend_failed` with its reason.
  std::function<result<bytes>()> fetch;
  /// Who must have signed it: what anybody else signed is not taken over.
  certificate authority;
};

/// Fetches lists at once and then every `interval`, and gives them to a `revocation::online` or
/// `revocation::configured`.
///
/// A list is taken over when its authority signed it and it is not older than the one that is
/// there, so that a network which answers with rubbish or with yesterday's list changes nothing.
/// While fetching fails the last good list stays; it stops counting when it goes stale by its own
/// date. Stops its thread when destroyed. Any thread.
class revocation_refresher {
 public:
  template <revocation_check Target>
    requires requires(const Target& target, revocation_snapshot lists) {
      target.load(std::move(lists));
    }
  revocation_refresher(Target target, std::vector<revocation_source> sources,
                       std::chrono::milliseconds interval)
      : load_([target = std::move(target)](revocation_snapshot lists) {
          target.load(std::move(lists));
        }),
        sources_(std::move(sources)),
        lists_(sources_.size()),
        interval_(interval),
        thread_([this](const std::stop_token& stop) { run(stop); }) {}
  revocation_refresher(const revocation_refresher&) = delete;
  revocation_refresher& operator=(const revocation_refresher&) = delete;
  ~revocation_refresher() = default;  // the thread's destructor stops it and waits

  /// Fetches now, in the caller's thread. Errors: the last source's failure, if any; the others
  /// were taken over all the same.
  [[nodiscard]] result<void> refresh() {
    const std::lock_guard one_at_a_time(fetching_);
    std::optional<error> failure;
    bool changed = false;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      auto fresh = fetched(sources_[i], lists_[i]);
      if (fresh) {
        lists_[i] = std::move(*fresh);
        changed = true;
      } else {
        failure = fresh.error();
      }
    }
    if (changed) publish();
    const std::lock_guard held(mutex_);
    ++rounds_;
    failure_ = failure;
    if (failure) return *failure;
    return done();
  }

  /// Why the last round failed, if it did.
  [[nodiscard]] std::optional<error> last_failure() const {
    const std::lock_guard held(mutex_);
    return failure_;
  }
  /// How many rounds of fetching there were, failed ones included.
  [[nodiscard]] std::uint64_t rounds() const {
    const std::lock_guard held(mutex_);
    return rounds_;
  }

 private:
  [[nodiscard]] static result<revocation_list> fetched(
      const revocation_source& from, const std::optional<revocation_list>& present) {
    auto content = keywarden::detail::guarded("fetching a revocation list",
                                              [&]() -> result<bytes> { return from.fetch(); });
    if (!content) return content.error();
    auto list = revocation_list::read(*content);
    if (!list) return list;
    if (!list->signed_by(from.authority))
      return error(errc::certificate_untrusted)
          .with(fact::kind, "revocation list")
          .with(fact::name, from.authority.subject())
          .with(fact::reason, "the authority did not sign it");
    if (present && list->this_update() < present->this_update())
      return error(errc::reordered)
          .with(fact::kind, "revocation list")
          .with(fact::name, from.authority.subject())
          .with(fact::reason, "it is older than the one that is there");
    return list;
  }

  void publish() {
    std::vector<revocation_list> known;
    for (const auto& each : lists_)
      if (each) known.push_back(*each);
    if (auto snapshot = revocation_snapshot::of(std::move(known))) load_(std::move(*snapshot));
  }

  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      (void)refresh();  // kept in last_failure()
      std::unique_lock held(mutex_);
      wake_.wait_for(held, stop, interval_, [] { return false; });
    }
  }

  std::function<void(revocation_snapshot)> load_;
  std::vector<revocation_source> sources_;
  std::vector<std::optional<revocation_list>> lists_;
  std::chrono::milliseconds interval_;
  std::mutex fetching_;  // guards lists_
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::optional<error> failure_;
  std::uint64_t rounds_ = 0;
  std::jthread thread_;  // last: the rest is there when it starts and still there when it stops
};

}  // namespace keywarden::pki
