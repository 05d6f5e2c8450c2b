// The system's libcrypto as a provider: the same facts as Botan's, so that messages are the same.

#include <keywarden/crypto/by_size.hpp>
#include <keywarden/crypto/libcrypto/aead.hpp>
#include <keywarden/key/opened_key.hpp>
#include <keywarden/key/stream.hpp>
#include <keywarden/store/memory.hpp>
#include <keywarden/vault/standard_policy.hpp>
#include <keywarden/vault/vault.hpp>

#include <type_traits>

namespace libcrypto_facts {

namespace kw = keywarden;
namespace crypto = keywarden::crypto;
namespace lc = keywarden::crypto::libcrypto;

static_assert(crypto::aead<lc::aes256_gcm> && crypto::aead<lc::chacha20_poly1305>);
static_assert(std::is_empty_v<lc::aes256_gcm> && std::is_empty_v<lc::chacha20_poly1305>);
static_assert(crypto::detail::interchangeable<lc::aes256_gcm, crypto::aes256_gcm>());
static_assert(crypto::detail::interchangeable<lc::chacha20_poly1305, crypto::chacha20_poly1305>());
static_assert(lc::aes256_gcm::name == crypto::aes256_gcm::name);
static_assert(lc::chacha20_poly1305::name == crypto::chacha20_poly1305::name);
static_assert(!std::is_same_v<lc::aes256_gcm, crypto::aes256_gcm>);  // a composition names it

// A context is what OpenSSL keeps for sealing and for opening (AWS-LC: for both), and how it opens.
static_assert(sizeof(lc::aes256_gcm::context) <= 3 * sizeof(void*));
static_assert(sizeof(lc::chacha20_poly1305::context) <= 3 * sizeof(void*));
static_assert(std::is_nothrow_move_constructible_v<lc::aes256_gcm::context> &&
              std::is_nothrow_move_assignable_v<lc::aes256_gcm::context> &&
              !std::copyable<lc::aes256_gcm::context>);

//[by_size
// What has at most 2,560 bytes is sealed and opened by OpenSSL, what has more by Botan.
using mixed = crypto::by_size<crypto::up_to<2560, crypto::libcrypto::aes256_gcm>,
                              crypto::otherwise<crypto::aes256_gcm>>;

struct policy : kw::standard_policy<kw::store::memory> {
  using cipher = mixed;
};
//]
static_assert(crypto::aead<mixed>);
static_assert(sizeof(mixed::context) <=
              sizeof(lc::aes256_gcm::context) + sizeof(crypto::aes256_gcm::context));

// It goes wherever a cipher is named.
struct cards {
  static constexpr std::string_view name = "card numbers";
};
static_assert(sizeof(kw::opened_key<cards, lc::aes256_gcm>) == sizeof(kw::opened_key<cards>));
//[by_side
// Sealing and opening may differ, and choose among as many as there are.
using sided = crypto::by_size<crypto::when_sealing<crypto::up_to<2560, lc::aes256_gcm>,
                                                   crypto::otherwise<crypto::aes256_gcm>>,
                              crypto::when_opening<crypto::up_to<4096, lc::aes256_gcm>,
                                                   crypto::otherwise<crypto::aes256_gcm>>>;
//]
static_assert(crypto::aead<sided> && sizeof(sided::context) == sizeof(mixed::context));
static_assert(sizeof(kw::opened_stream_key<cards, kw::stream::native, mixed>) > 0);
static_assert(sizeof(kw::vault<policy>) > 0);

}  // namespace libcrypto_facts
