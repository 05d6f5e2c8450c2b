// What a composition of providers by size is, as far as the compiler can say.

#include <keywarden/crypto/by_size.hpp>
#include <keywarden/key/opened_key.hpp>

#include <type_traits>

namespace by_size_static {

namespace kw = keywarden;
namespace crypto = keywarden::crypto;
using crypto::aes256_gcm;
using crypto::by_size;
using crypto::otherwise;
using crypto::up_to;
using crypto::when_opening;
using crypto::when_sealing;

// Another provider of the same algorithm, and some that differ from it in one fact each.
struct another : aes256_gcm {};
struct of_another_name : aes256_gcm {
  static constexpr std::string_view name = "aes-256-gcm by somebody";
};
struct with_fewer_messages : aes256_gcm {
  static constexpr std::uint64_t max_messages = 7;
};
struct with_shorter_messages : aes256_gcm {
  static constexpr std::uint64_t max_message_size = 7;
};
struct of_another_suite : aes256_gcm {
  static constexpr crypto::suite id = crypto::suite::chacha20_poly1305;
};
struct with_a_shorter_key : aes256_gcm {
  static constexpr std::size_t key_size = 16;
};
static_assert(crypto::detail::interchangeable<aes256_gcm, another>());
static_assert(!crypto::detail::interchangeable<aes256_gcm, of_another_name>());
static_assert(!crypto::detail::interchangeable<aes256_gcm, with_fewer_messages>());
static_assert(!crypto::detail::interchangeable<aes256_gcm, with_shorter_messages>());
static_assert(!crypto::detail::interchangeable<aes256_gcm, of_another_suite>());
static_assert(!crypto::detail::interchangeable<aes256_gcm, with_a_shorter_key>());

template <class... Choices>
inline constexpr bool valid = crypto::detail::sides<Choices...>::valid;
static_assert(valid<otherwise<another>>);
static_assert(valid<up_to<1, another>, up_to<2, aes256_gcm>, otherwise<another>>);
static_assert(valid<when_sealing<otherwise<another>>,
                    when_opening<up_to<1, another>, otherwise<aes256_gcm>>>);
static_assert(!valid<>);
static_assert(!valid<up_to<1, another>>);
static_assert(!valid<up_to<2, another>, up_to<1, another>, otherwise<another>>);
static_assert(!valid<up_to<1, another>, up_to<1, another>, otherwise<another>>);
static_assert(!valid<otherwise<another>, up_to<1, another>>);
static_assert(!valid<otherwise<another>, otherwise<another>>);
static_assert(!valid<when_sealing<otherwise<another>>>);
static_assert(!valid<when_opening<otherwise<another>>, when_sealing<otherwise<another>>>);
static_assert(!valid<when_sealing<>, when_opening<otherwise<another>>>);
static_assert(!valid<when_sealing<otherwise<another>>, when_opening<up_to<1, another>>>);

// It is an AEAD like those it is made of, and nothing but their contexts.
using mixed = by_size<up_to<1024, another>, otherwise<aes256_gcm>>;
static_assert(crypto::aead<mixed> && std::is_empty_v<mixed>);
static_assert(mixed::id == aes256_gcm::id && mixed::name == aes256_gcm::name &&
              mixed::key_size == aes256_gcm::key_size && mixed::strength == aes256_gcm::strength &&
              mixed::max_messages == aes256_gcm::max_messages &&
              mixed::max_message_size == aes256_gcm::max_message_size);
static_assert(sizeof(mixed::context) == 2 * sizeof(aes256_gcm::context));
static_assert(std::movable<mixed::context> && !std::copyable<mixed::context>);
using sided = by_size<when_sealing<up_to<1, another>, otherwise<aes256_gcm>>,
                      when_opening<otherwise<another>>>;
static_assert(sizeof(sided::context) == 2 * sizeof(aes256_gcm::context));

struct cards {
  static constexpr std::string_view name = "card numbers";
};
static_assert(sizeof(kw::opened_key<cards, mixed>) == sizeof(kw::opened_key<cards>));
static_assert(kw::opened_key<cards, mixed>::overhead == kw::opened_key<cards>::overhead);

}  // namespace by_size_static
