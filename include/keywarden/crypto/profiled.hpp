/// @file
/// An AEAD that counts where the time of sealing and opening goes.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/core/profile.hpp>
#include <keywarden/crypto/aead.hpp>
#include <keywarden/crypto/context_pool.hpp>

namespace keywarden::crypto {

/// What sealing and opening a message are made of.
enum class seal_phase : std::uint8_t {
  framing,  ///< header, associated data, copying, and whatever else is done with the context leased
  nonce,    ///< drawing it
  cipher,   ///< associated data and message
  tagging,  ///< making or comparing the tag; part of `cipher` for models that do not tell them
            ///< apart
};
/// The names of the phases of sealing and opening, in the order of their numbers.
[[nodiscard]] constexpr std::array<std::string_view, 4> phase_names(seal_phase) noexcept {
  return {"framing", "nonce", "cipher", "tag"};
}

template <aead Inner, profile_clock Clock = steady_nanoseconds>
struct profiled;

namespace detail {

template <profile_clock Clock>
using seal_watch = phase_watch<seal_phase, Clock>;

/// A context that tells its watch what it does; alone, it is its own whole.
template <class Inner, profile_clock Clock>
class profiled_context {
 public:
  [[nodiscard]] static result<profiled_context> create(const secret_key& key) {
    auto made = Inner::context::create(key);
    if (!made) return made.error();
    return profiled_context(std::move(*made));
  }

  status seal(const nonce& once, bytes_view associated_data, mutable_bytes data, tag& made) {
    return follow(profiled<Inner, Clock>::sealing_totals, [&](const auto& at_tag) {
      if constexpr (requires { inner_.seal_in_steps(once, associated_data, data, made, at_tag); })
        return inner_.seal_in_steps(once, associated_data, data, made, at_tag);
      else
        return inner_.seal(once, associated_data, data, made);
    });
  }
  status open(const nonce& once, bytes_view associated_data, mutable_bytes data, const tag& given) {
    return follow(profiled<Inner, Clock>::opening_totals, [&](const auto& at_tag) {
      if constexpr (requires { inner_.open_in_steps(once, associated_data, data, given, at_tag); })
        return inner_.open_in_steps(once, associated_data, data, given, at_tag);
      else
        return inner_.open(once, associated_data, data, given);
    });
  }

  [[nodiscard]] seal_watch<Clock>& watch() noexcept { return *watch_; }
  /// The end of a whole that was begun outside.
  void settle() noexcept {
    const auto spent = watch_->end();
    if (totals_ != nullptr) totals_->add(spent);
    totals_ = nullptr;
  }

 private:
  explicit profiled_context(typename Inner::context inner)
      : inner_(std::move(inner)), watch_(std::make_unique<seal_watch<Clock>>()) {}

  template <class Work>
  status follow(phase_totals<seal_phase>& totals, const Work& work) {
    const bool alone = !watch_->running();
    if (alone) watch_->begin(seal_phase::cipher);
    const auto before = watch_->enter(seal_phase::cipher);
    const auto made = work([this] { watch_->enter(seal_phase::tagging); });
    watch_->resume(before);
    totals_ = &totals;
    if (alone) settle();
    return made;
  }

  typename Inner::context inner_;
  std::unique_ptr<seal_watch<Clock>> watch_;
  phase_totals<seal_phase>* totals_ = nullptr;
};

/// A nonce generator that tells a watch when it draws.
template <profile_clock Clock>
class profiled_nonces {
 public:
  explicit profiled_nonces(seal_watch<Clock>& watch) noexcept : watch_(watch) {}
  [[nodiscard]] bool try_fill(mutable_bytes out) noexcept {
    const phase_scope drawing(watch_, seal_phase::nonce);
    return inner_.try_fill(out);
  }
  [[nodiscard]] result<void> fill(mutable_bytes out) {
    const phase_scope drawing(watch_, seal_phase::nonce);
    return inner_.fill(out);
  }

 private:
  seal_watch<Clock>& watch_;
  nonce_generator inner_;
};

}  // namespace detail

/// `Inner`, counting. Seals and opens the very same bytes; every other AEAD stays as it is, for
/// nothing asks whether one is profiled.
///
/// The whole is the time for which an opened key has a context leased; for a context by itself, its
/// call. Counters are one set for the type, in ticks of `Clock`. Tells whoever reads them the time
/// of secret work: for measuring, not for production. Any thread.
template <aead Inner, profile_clock Clock>
struct profiled : Inner {
  using context = detail::profiled_context<Inner, Clock>;
  /// The clock that it is timed with.
  using clock = Clock;

  /// What sealing took so far, in all threads.
  [[nodiscard]] static phase_report<seal_phase> sealing() noexcept { return sealing_totals.read(); }
  /// What opening took so far, in all threads.
  [[nodiscard]] static phase_report<seal_phase> opening() noexcept { return opening_totals.read(); }
  /// Begins both anew at nothing.
  static void forget() noexcept {
    sealing_totals.reset();
    opening_totals.reset();
  }

 private:
  friend context;
  inline static phase_totals<seal_phase> sealing_totals;
  inline static phase_totals<seal_phase> opening_totals;
};

/// The contexts of a key that is profiled: a lease is one operation.
template <aead Inner, profile_clock Clock, class Kept>
class context_pool<profiled<Inner, Clock>, Kept> {
 public:
  /// A keyed context with what it needs to count; one thread at a time.
  struct keyed {
    explicit keyed(typename profiled<Inner, Clock>::context made)
        : cipher(std::move(made)), nonces(cipher.watch()) {}
    /// The cipher, keyed.
    typename profiled<Inner, Clock>::context cipher;
    /// Where its nonces come from, timed.
    detail::profiled_nonces<Clock> nonces;
    /// Scratch for what is authenticated.
    bytes associated;
    /// What the pool keeps beside each context.
    [[no_unique_address]] Kept kept{};
  };
  /// One operation: the context goes back to the pool, and its time is noted, when the lease goes.
  class lease {
   public:
    // cppcheck-suppress uninitMemberVar; it takes the constructor for the unspecialised lease's
    lease(lease&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), held_(std::move(other.held_)) {}
    lease& operator=(lease&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(held_, other.held_);
      return *this;
    }
    ~lease() {
      if (held_ == nullptr) return;
      held_->cipher.settle();
      pool_->give_back(std::move(held_));
    }
    [[nodiscard]] explicit operator bool() const noexcept { return held_ != nullptr; }
    [[nodiscard]] keyed& operator*() const noexcept { return *held_; }
    [[nodiscard]] keyed* operator->() const noexcept { return held_.get(); }

   private:
    friend class context_pool;
    lease(context_pool* pool, std::unique_ptr<keyed> held) noexcept
        : pool_(pool), held_(std::move(held)) {
      if (held_ != nullptr) held_->cipher.watch().begin(seal_phase::framing);
    }
    context_pool* pool_;
    std::unique_ptr<keyed> held_;
  };

  /// Errors: as `Inner::context::create`.
  [[nodiscard]] static result<std::unique_ptr<context_pool>> create(secret_key key) {
    std::unique_ptr<context_pool> made(new context_pool(std::move(key)));
    auto first = made->make();
    if (!first) return first.error();
    made->give_back(std::move(*first));
    return made;
  }
  /// A context that is free now, or an empty lease.
  [[nodiscard]] lease try_take() noexcept {
    const std::lock_guard held(mutex_);
    if (idle_.empty()) return lease(this, nullptr);
    auto last = std::move(idle_.back());
    idle_.pop_back();
    return lease(this, std::move(last));
  }
  /// Errors: as `Inner::context::create`, when all are leased.
  [[nodiscard]] result<lease> take() {
    if (auto held = try_take()) return held;
    auto made = make();
    if (!made) return made.error();
    return lease(this, std::move(*made));
  }

 private:
  explicit context_pool(secret_key key) : key_(std::move(key)) {}

  [[nodiscard]] result<std::unique_ptr<keyed>> make() {
    auto cipher = profiled<Inner, Clock>::context::create(key_);
    if (!cipher) return cipher.error();
    return std::make_unique<keyed>(std::move(*cipher));
  }
  void give_back(std::unique_ptr<keyed> held) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(held));
  }

  secret_key key_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<keyed>> idle_;
};

static_assert(aead<profiled<aes256_gcm>>);

}  // namespace keywarden::crypto
