// What composition costs in size: nothing for policies, what it holds for the rest.

#include <keywarden/crypto/password_kdf.hpp>
#include <keywarden/key/opened_key.hpp>

#include <type_traits>

namespace cost_static {

namespace kw = keywarden;
namespace crypto = keywarden::crypto;

struct cards {
  static constexpr std::string_view name = "card numbers";
};

// Policies are types without state.
static_assert(std::is_empty_v<kw::system_clock> && std::is_empty_v<kw::system_random>);
static_assert(std::is_empty_v<crypto::aes256_gcm> && std::is_empty_v<crypto::chacha20_poly1305> &&
              std::is_empty_v<crypto::aes256_gcm_siv>);
static_assert(std::is_empty_v<crypto::argon2id<>> && std::is_empty_v<crypto::pbkdf2_sha256<>>);
static_assert(std::is_empty_v<kw::format::native> && std::is_empty_v<kw::format::tink>);
static_assert(std::is_empty_v<kw::hazmat::insecure_access>);

// Types that only say what bytes are, are as large as the bytes.
static_assert(sizeof(kw::secret_key) == 3 * sizeof(void*));
static_assert(sizeof(kw::password) == sizeof(kw::secret_key) &&
              sizeof(kw::plaintext) == sizeof(kw::secret_key));
static_assert(sizeof(kw::sealed<cards>) == sizeof(kw::bytes));
static_assert(sizeof(kw::nonce) == 12 && sizeof(crypto::tag) == 16 && sizeof(kw::key_id) == 4);

// An opened key is its versions, which of them is active, and its budget, whatever it is composed
// of.
constexpr auto opened =
    sizeof(std::vector<int>) + sizeof(std::size_t) + sizeof(std::shared_ptr<int>);
static_assert(sizeof(kw::opened_key<cards>) == opened);
static_assert(sizeof(kw::opened_key<cards, crypto::chacha20_poly1305, kw::format::tink>) == opened);
static_assert(sizeof(kw::opened_key<cards, crypto::aes256_gcm_siv>) == opened);
static_assert(std::is_nothrow_move_constructible_v<kw::opened_key<cards>> &&
              !std::copyable<kw::opened_key<cards>>);

// A message grows by its header and tag and by nothing else.
static_assert(kw::opened_key<cards>::overhead == 1 + 1 + 4 + 12 + 16);
static_assert(kw::opened_key<cards, crypto::aes256_gcm, kw::format::tink>::overhead ==
              1 + 4 + 12 + 16);
static_assert(kw::opened_key<cards>::sealed_size(100) == 134);

}  // namespace cost_static
