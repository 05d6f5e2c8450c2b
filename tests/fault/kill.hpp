/// @file
/// A harness that kills a working process at a random instant and looks at what it left.
#pragma once

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <new>
#include <random>
#include <stdexcept>
#include <string>

namespace keywarden::testing {

/// What a child has said, in memory that outlives it. `begin` before each operation and
/// `acknowledge` after it returned: when the child dies, at most the last operation begun is in
/// doubt.
class progress {
 public:
  void begin() noexcept { begun_.fetch_add(1); }
  void acknowledge() noexcept { acknowledged_.fetch_add(1); }

  [[nodiscard]] std::uint64_t begun() const noexcept { return begun_.load(); }
  [[nodiscard]] std::uint64_t acknowledged() const noexcept { return acknowledged_.load(); }

 private:
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
  std::atomic<std::uint64_t> begun_{0};
  std::atomic<std::uint64_t> acknowledged_{0};
};

/// How many rounds a kill test runs: the environment's KEYWARDEN_KILLS, or `otherwise`.
[[nodiscard]] inline std::size_t kill_rounds(std::size_t otherwise) {
  const char* const told = std::getenv("KEYWARDEN_KILLS");
  return told == nullptr ? otherwise : std::strtoul(told, nullptr, 10);
}

/// Forks `child(progress&, seed)`, kills it (SIGKILL) at a random instant among its first
/// `operations` operations, then calls `check(progress)` in the parent; `rounds` times.
///
/// The child runs until it is killed: it must call `begin` and `acknowledge` around each operation
/// and must not return before `operations` of them. It may throw: that ends the test with its
/// message. Open no store in the parent while this runs, other than inside `check`. Every round is
/// derived from `seed`; `check` may throw to end the test.
template <class Child, class Check>
void kill_repeatedly(std::size_t rounds, std::uint64_t operations, std::uint64_t seed,
                     Child&& child, Check&& check) {
  void* const shared =
      ::mmap(nullptr, sizeof(progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) throw std::runtime_error("no shared memory");
  std::mt19937_64 random(seed);
  for (std::size_t round = 0; round < rounds; ++round) {
    auto* const told = new (shared) progress();
    const auto child_seed = random();
    const auto last = random() % (operations + 1);
    const auto spins = random() % 2 == 0 ? random() % 300 : random() % 20000;
    const ::pid_t process = ::fork();
    if (process < 0) throw std::runtime_error("no child process");
    if (process == 0) {
      try {
        child(*told, child_seed);
      } catch (const std::exception& refusal) {
        const std::string text = std::string("child: ") + refusal.what() + '\n';
        static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
      }
      ::_exit(3);
    }
    int status = 0;
    bool ended = false;
    while (told->begun() < last && !ended) {
      ended = ::waitpid(process, &status, WNOHANG) == process;
      ::sched_yield();
    }
    for (std::uint64_t spin = 0; spin < spins && !ended; ++spin)
      std::atomic_signal_fence(std::memory_order_seq_cst);  // an instant of random length
    if (!ended) {
      ::kill(process, SIGKILL);
      ::waitpid(process, &status, 0);
    }
    if (!WIFSIGNALED(status)) throw std::runtime_error("the child ended by itself");
    check(static_cast<const progress&>(*told));
  }
  ::munmap(shared, sizeof(progress));
}

}  // namespace keywarden::testing
