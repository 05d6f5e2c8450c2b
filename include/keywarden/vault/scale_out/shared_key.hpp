/// @file
/// The shared key, opened for one purpose: it follows rotations.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include <keywarden/key/opened_key.hpp>
#include <keywarden/vault/scale_out/shared_state.hpp>

namespace keywarden {

/// The shared key of a deployment opened for `Purpose`: every member opens what any member sealed.
///
/// Opening asks no store, but for a message under a version that is not known here, for which it is
/// looked at once. Sealing asks it for a lease of more messages now and then (see `seal_budget`:
/// each process of each member leases its own share of the limit, one for all its handles, and
/// forfeits what it does not use), and looks at it when nobody in this process has done so for a
/// minute; a follower (`scale_out::follow`) does that in its own thread. While the store cannot be
/// reached, sealing goes on for ten minutes and opening for ever. Rotations that were seen are
/// taken up with the next call, at the latest with the next lease.
///
/// Protects and does not protect: as `opened_key`. A member that was removed still opens what was
/// sealed under versions that it had. Any thread; a handle may be copied, and keeps the member's
/// state alive. Not in a forked child, where the store's connection is the parent's.
template <purpose Purpose, class State, crypto::aead Cipher, message_format Format>
class shared_key {
 public:
  /// The key as it is at one moment.
  using opened = opened_key<Purpose, Cipher, Format>;

  /// Made by `scale_out::key`.
  explicit shared_key(std::shared_ptr<State> state)
      : inside_(std::make_shared<inside>(std::move(state))) {}

  /// Seals under the active version. Errors: as `opened_key::seal`; `not_activated` once this
  /// instance has found itself removed; `timed_out` when the store was not seen for ten minutes;
  /// those of the store when messages are leased.
  [[nodiscard]] result<sealed<Purpose>> seal(bytes_view message,
                                             bytes_view associated_data = {}) const {
    return sealing([&](const opened& key) { return key.seal(message, associated_data); });
  }
  /// The same into the caller's buffer.
  [[nodiscard]] result<std::size_t> seal_into(bytes_view message, bytes_view associated_data,
                                              mutable_bytes out) const {
    return sealing([&](const opened& key) { return key.seal_into(message, associated_data, out); });
  }

  /// Opens what a member sealed. Errors: as `opened_key::open`; `unknown_key` only after a look at
  /// the store; `not_activated`; those of the store.
  [[nodiscard]] result<plaintext> open(const sealed<Purpose>& message,
                                       bytes_view associated_data = {}) const {
    return retrying([&](const opened& key) { return key.open(message, associated_data); });
  }
  /// The same into the caller's buffer.
  [[nodiscard]] result<std::size_t> open_into(bytes_view message, bytes_view associated_data,
                                              mutable_bytes out) const {
    return retrying(
        [&](const opened& key) { return key.open_into(message, associated_data, out); });
  }

  /// The key as it is known now, for a loop that wants no look at all: it follows no rotation. Do
  /// not keep it: what is sealed with a version that was destroyed meanwhile is lost.
  /// Errors: `not_activated`.
  [[nodiscard]] result<std::shared_ptr<const opened>> current() const { return inside_->current(); }

 private:
  using pointer = std::shared_ptr<const opened>;

  class inside {
   public:
    explicit inside(std::shared_ptr<State> state) : state_(std::move(state)) {}

    [[nodiscard]] State& state() const noexcept { return *state_; }

    [[nodiscard]] result<pointer> current() {
      const std::scoped_lock held(guard_);
      const auto epoch = state_->epoch();
      if (key_ != nullptr && epoch == epoch_) return key_;
      key_.reset();
      auto view = state_->view();
      if (!view) return view.error();
      const auto& ring = (*view)->ring;
      auto made = opened::create(ring, state_->budget(ring.active().id, Cipher::max_messages));
      if (!made) return made.error();
      key_ = std::make_shared<const opened>(std::move(*made));
      epoch_ = epoch;
      return key_;
    }

   private:
    std::shared_ptr<State> state_;
    std::mutex guard_;
    pointer key_;
    std::uint64_t epoch_ = 0;
  };

  template <class Work>
  [[nodiscard]] std::invoke_result_t<Work&, const opened&> with_current(Work&& work) const {
    auto key = inside_->current();
    if (!key) return key.error();
    return work(**key);
  }
  // A version may have stopped sealing: the lease that is refused has seen which one does.
  template <class Work>
  [[nodiscard]] std::invoke_result_t<Work&, const opened&> sealing(Work&& work) const {
    if (auto kept_up = inside_->state().keep_up(); !kept_up) return kept_up.error();
    // As often as somebody rotates at this very moment.
    for (int attempt = 0;; ++attempt) {
      auto made = with_current(work);
      if (made || made.error().code() != errc::key_state_refused || attempt == 8) return made;
    }
  }
  template <class Work>
  [[nodiscard]] std::invoke_result_t<Work&, const opened&> retrying(Work&& work) const {
    auto made = with_current(work);
    if (made || made.error().code() != errc::unknown_key) return made;
    if (auto looked = inside_->state().refresh_for_unknown(); !looked) return looked.error();
    return with_current(work);
  }

  std::shared_ptr<inside> inside_;
};

}  // namespace keywarden
