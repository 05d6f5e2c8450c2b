/// @file
/// Keyed cipher contexts, made once and leased by threads.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <keywarden/core/random.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/crypto/aead.hpp>

namespace keywarden::crypto {

/// Nothing is kept with the contexts of a pool.
struct nothing_kept {};

/// The contexts of one key: each thread that works with the key leases one and gives it back.
///
/// Contexts belong to the pool, never to a thread, so that closing the key wipes all of them.
/// Making a context costs a key schedule; leasing one costs an atomic exchange (the first is kept
/// outside the lock for the common single-threaded case) and allocates nothing once the pool is
/// warm. `Kept` is what its user keeps with each context. Threads: any. The pool outlives its
/// leases.
template <aead Aead, class Kept = nothing_kept>
class context_pool {
 public:
  /// A cipher keyed once, with the nonce generator and the reused buffer that go with it.
  struct keyed {
    /// The cipher, keyed.
    typename Aead::context cipher;
    /// Where its nonces come from.
    nonce_generator nonces;
    /// Scratch for what is authenticated.
    bytes associated;
    /// What the pool keeps beside each context.
    [[no_unique_address]] Kept kept{};
  };

  /// A leased context; goes back to the pool when it is destroyed.
  class lease {
   public:
    lease(lease&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), held_(std::exchange(other.held_, nullptr)) {}
    lease& operator=(lease&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(held_, other.held_);
      return *this;
    }
    ~lease() {
      if (held_ != nullptr) pool_->give_back(held_);
    }
    /// Whether it holds a context: one from `take` always does.
    [[nodiscard]] explicit operator bool() const noexcept { return held_ != nullptr; }
    [[nodiscard]] keyed& operator*() const noexcept { return *held_; }
    [[nodiscard]] keyed* operator->() const noexcept { return held_; }

   private:
    friend class context_pool;
    lease(context_pool* pool, keyed* held) noexcept : pool_(pool), held_(held) {}
    context_pool* pool_;
    keyed* held_;
  };

  /// Takes the key and makes the first context. Errors: as `Aead::context::create`.
  [[nodiscard]] static result<std::unique_ptr<context_pool>> create(secret_key key) {
    std::unique_ptr<context_pool> made(new context_pool(std::move(key)));
    auto first = made->make();
    if (!first) return first.error();
    made->first_ = std::move(*first);
    return made;
  }

  context_pool(const context_pool&) = delete;
  context_pool& operator=(const context_pool&) = delete;
  ~context_pool() = default;

  /// The context outside the lock, or an empty lease when another thread has it. Cheap; never
  /// fails.
  [[nodiscard]] lease try_take() noexcept {
    const bool leased = first_leased_.exchange(true, std::memory_order_acquire);
    return lease(this, leased ? nullptr : first_.get());
  }

  /// A context for this thread. Errors: as `Aead::context::create`, when all are leased.
  [[nodiscard]] result<lease> take() {
    if (auto held = try_take()) return held;
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        keyed* held = idle_.back().release();
        idle_.pop_back();
        return lease(this, held);
      }
    }
    auto fresh = make();
    if (!fresh) return fresh.error();
    {
      const std::lock_guard lock(mutex_);
      idle_.reserve(++made_);  // now, so that giving back never needs memory
    }
    return lease(this, fresh->release());
  }

 private:
  explicit context_pool(secret_key key) : key_(std::move(key)) {}

  [[nodiscard]] result<std::unique_ptr<keyed>> make() {
    auto cipher = Aead::context::create(key_);
    if (!cipher) return cipher.error();
    return std::unique_ptr<keyed>(new keyed{std::move(*cipher), {}, {}, {}});
  }
  void give_back(keyed* held) noexcept {
    if (held == first_.get()) [[likely]]
      first_leased_.store(false, std::memory_order_release);
    else
      set_aside(held);
  }
  [[gnu::noinline]] void set_aside(keyed* held) noexcept {
    const std::lock_guard lock(mutex_);
    idle_.emplace_back(held);
  }

  secret_key key_;
  std::unique_ptr<keyed> first_;
  std::atomic<bool> first_leased_{false};
  std::mutex mutex_;
  std::size_t made_ = 1;
  std::vector<std::unique_ptr<keyed>> idle_;
};

}  // namespace keywarden::crypto
