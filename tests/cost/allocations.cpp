// Counts what the heap and Botan's locked pool are asked for while messages are sealed and opened,
// and while a large file is written, once everything is warm. It must be nothing for AES-256-GCM
// and ChaCha20-Poly1305, whoever provides them (OpenSSL asks the heap).

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <keywarden/crypto/by_size.hpp>
#ifdef WITH_LIBCRYPTO
#include <keywarden/crypto/libcrypto/aead.hpp>
#endif
#include <keywarden/key/direct_file_sink.hpp>

#include "cost/operations.hpp"

namespace {
std::atomic<unsigned long> from_heap{0};
std::atomic<unsigned long> from_pool{0};
}  // namespace

// The C library's own entry points, in front of which ours stand.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t size) {
  ++from_heap;
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  ++from_heap;
  return __libc_calloc(count, size);
}
void* realloc(void* old, std::size_t size) {
  ++from_heap;
  return __libc_realloc(old, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  ++from_heap;
  return __libc_memalign(alignment, size);
}

// Botan::allocate_memory(count, size), which every secure_vector asks; the linker puts ours in
// front of it.
void* __real__ZN5Botan15allocate_memoryEmm(std::size_t, std::size_t);
void* __wrap__ZN5Botan15allocate_memoryEmm(std::size_t count, std::size_t size) {
  ++from_pool;
  return __real__ZN5Botan15allocate_memoryEmm(count, size);
}
}

namespace {

template <class Operation>
bool pinned(const std::string& what, unsigned long limit, Operation&& operation) {
  for (int i = 0; i < 100; ++i) operation();  // warm: past the first refill of the nonce generator
  const auto heap = from_heap.load();
  const auto pool = from_pool.load();
  constexpr unsigned long rounds = 1000;
  for (unsigned long i = 0; i < rounds; ++i) operation();
  const auto heap_each = from_heap.load() - heap;
  const auto pool_each = from_pool.load() - pool;
  std::printf("%-44s heap %lu, locked pool %lu in %lu rounds\n", what.c_str(), heap_each, pool_each,
              rounds);
  return heap_each <= limit * rounds && pool_each <= limit * rounds;
}

template <class Aead>
bool pinned_for(const std::string& provider, std::size_t size) {
  keywarden::testing::composed<Aead> side(size);
  return pinned(provider + std::string(Aead::name) + ", " + std::to_string(size) + " bytes", 0,
                [&] {
                  if (!side.seal() || !side.open()) std::abort();
                });
}

}  // namespace

int main() {
  namespace crypto = keywarden::crypto;
  // The counters count: otherwise zero would prove nothing.
  const auto heap = from_heap.load();
  const auto pool = from_pool.load();
  delete new volatile int(1);
  { const Botan::secure_vector<std::uint8_t> probe(32); }
  if (from_heap.load() == heap || from_pool.load() == pool) {
    std::puts("the counters do not see allocations");
    return 1;
  }
#ifdef WITH_LIBCRYPTO
  const auto before_openssl = from_heap.load();
  OPENSSL_free(OPENSSL_malloc(32));
  if (from_heap.load() == before_openssl) {
    std::puts("the counters do not see OpenSSL's allocations");
    return 1;
  }
#endif
  bool ok = true;
  for (const std::size_t size : {std::size_t{0}, std::size_t{64}, std::size_t{1024},
                                 std::size_t{65536}, std::size_t{1} << 20U}) {
    ok = pinned_for<crypto::aes256_gcm>("", size) && ok;
    ok = pinned_for<crypto::chacha20_poly1305>("", size) && ok;
#ifdef WITH_LIBCRYPTO
    ok = pinned_for<crypto::libcrypto::aes256_gcm>("libcrypto ", size) && ok;
    ok = pinned_for<crypto::libcrypto::chacha20_poly1305>("libcrypto ", size) && ok;
    using mixed = crypto::by_size<crypto::up_to<1024, crypto::libcrypto::aes256_gcm>,
                                  crypto::otherwise<crypto::aes256_gcm>>;
    ok = pinned_for<mixed>("by size ", size) && ok;
#endif
  }
  std::FILE* const file = std::tmpfile();
  if (file == nullptr) return 1;
  {
    auto sink = keywarden::direct_file_sink::create(::fileno(file)).value();
    const keywarden::bytes data(5000);  // 1100 of them are five pieces and a part of one
    ok = pinned("direct_file_sink, 5000 bytes", 0,
                [&] {
                  if (!sink.write(data)) std::abort();
                }) &&
         ok;
  }
  std::fclose(file);
  return ok ? 0 : 1;
}
