/// @file
/// One AEAD made of several providers of it, chosen by how long the message is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <boost/mp11/algorithm.hpp>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/core/status.hpp>
#include <keywarden/core/strong.hpp>
#include <keywarden/crypto/aead.hpp>

namespace keywarden::crypto {

/// A choice of `by_size`: messages of at most `Limit` bytes go to `Provider`.
template <std::uint64_t Limit, aead Provider>
struct up_to {
  /// The longest message, in bytes, that `provider` gets.
  static constexpr std::uint64_t limit = Limit;
  /// Who computes these.
  using provider = Provider;
};

/// The last choice of `by_size`: all longer messages go to `Provider`.
template <aead Provider>
struct otherwise {
  /// Who computes the rest.
  using provider = Provider;
};

/// The choices with which `by_size` seals, where it opens with others.
template <class... Choices>
struct when_sealing {};

/// The choices with which `by_size` opens, where it seals with others.
template <class... Choices>
struct when_opening {};

namespace detail {

template <class... Choices>
struct size_choices : std::false_type {};
template <class Provider>
struct size_choices<otherwise<Provider>> : std::true_type {
  static constexpr std::uint64_t least = ~std::uint64_t{0};
};
template <std::uint64_t Limit, class Provider, class Next, class... Rest>
struct size_choices<up_to<Limit, Provider>, Next, Rest...>
    : std::bool_constant<size_choices<Next, Rest...>::value> {
  static constexpr std::uint64_t least = Limit;
};
template <std::uint64_t Limit, class Provider, std::uint64_t Other, class Same, class... Rest>
struct size_choices<up_to<Limit, Provider>, up_to<Other, Same>, Rest...>
    : std::bool_constant<(Limit < Other) && size_choices<up_to<Other, Same>, Rest...>::value> {};

/// Sealing and opening may differ in their choices; mostly they do not.
template <class... Choices>
struct sides {
  using sealing = boost::mp11::mp_list<Choices...>;
  using opening = sealing;
  static constexpr bool valid = size_choices<Choices...>::value;
};
template <class... Sealing, class... Opening>
struct sides<when_sealing<Sealing...>, when_opening<Opening...>> {
  using sealing = boost::mp11::mp_list<Sealing...>;
  using opening = boost::mp11::mp_list<Opening...>;
  static constexpr bool valid = size_choices<Sealing...>::value && size_choices<Opening...>::value;
};

template <class Choice>
using provider_of = typename Choice::provider;

/// Whether two providers make and take the same messages, and open keys that are kept by name.
template <class One, class Other>
[[nodiscard]] consteval bool interchangeable() {
  return std::string_view(One::name) == Other::name && One::id == Other::id &&
         One::key_size == Other::key_size && One::strength == Other::strength &&
         One::max_messages == Other::max_messages &&
         One::max_message_size == Other::max_message_size &&
         One::nonce_misuse_resistant == Other::nonce_misuse_resistant;
}

/// Every provider of `Sides`, once, keyed with the same key.
template <class Sides, class... Providers>
class by_size_context {
 public:
  /// Errors: those of the first provider that refuses.
  [[nodiscard]] static result<by_size_context> create(const secret_key& key) {
    return join({Providers::context::create(key)...}, std::index_sequence_for<Providers...>());
  }

  /// Errors: those of the provider that is chosen.
  status seal(const nonce& once, bytes_view associated_data, mutable_bytes data, tag& made) {
    return choose(typename Sides::sealing{}, data.size(),
                  [&](auto& context) { return context.seal(once, associated_data, data, made); });
  }
  /// Errors: those of the provider that is chosen.
  status open(const nonce& once, bytes_view associated_data, mutable_bytes data, const tag& given) {
    return choose(typename Sides::opening{}, data.size(),
                  [&](auto& context) { return context.open(once, associated_data, data, given); });
  }

 private:
  using held = std::tuple<typename Providers::context...>;

  explicit by_size_context(held&& contexts) : contexts_(std::move(contexts)) {}

  template <std::size_t... At>
  [[nodiscard]] static result<by_size_context> join(
      std::tuple<result<typename Providers::context>...> made, std::index_sequence<At...>) {
    result<void> all = done();
    ((all && !std::get<At>(made) ? void(all = std::get<At>(made).error()) : void()), ...);
    if (!all) return all.error();
    return by_size_context(held(std::move(*std::get<At>(made))...));
  }

  template <class First, class... Rest, class Operation>
  status choose(boost::mp11::mp_list<First, Rest...>, std::size_t size, Operation&& operation) {
    if constexpr (sizeof...(Rest) > 0)
      if (size > First::limit)
        return choose(boost::mp11::mp_list<Rest...>{}, size, std::forward<Operation>(operation));
    using list = boost::mp11::mp_list<Providers...>;
    return operation(
        std::get<boost::mp11::mp_find<list, typename First::provider>::value>(contexts_));
  }

  held contexts_;
};

}  // namespace detail

/// An AEAD whose messages are sealed and opened by the provider named for their length.
///
/// `by_size<up_to<1024, A>, otherwise<B>>` gives A what has at most 1,024 bytes (of plaintext, or
/// of ciphertext without its tag) and B what has more; `by_size<when_sealing<…>, when_opening<…>>`
/// lets the two sides differ. All providers have the same suite, key size and limits, so a message
/// is the same whoever made it: the limits may be moved, and providers exchanged, without touching
/// what is stored. A context holds one of each provider, and costs the key schedules of all.
/// Threads, errors and wiping: as the providers'.
template <class... Choices>
struct by_size {
  static_assert(detail::sides<Choices...>::valid,
                "by_size takes up_to<limit, provider> in ascending order of their limits, and one "
                "otherwise<provider> at the end (inside when_sealing and when_opening, if these "
                "differ)");

 private:
  using sides = detail::sides<Choices...>;
  using providers = boost::mp11::mp_unique<boost::mp11::mp_transform<
      detail::provider_of,
      boost::mp11::mp_append<typename sides::sealing, typename sides::opening>>>;
  using first = boost::mp11::mp_front<providers>;

  template <class... Each>
  static constexpr bool all_interchangeable(boost::mp11::mp_list<Each...>) {
    return (detail::interchangeable<first, Each>() && ...);
  }
  static_assert(
      all_interchangeable(providers{}),
      "the providers of by_size have the same suite, key size and limits, or else what one "
      "seals another would not open");

 public:
  static constexpr std::string_view name = first::name;
  static constexpr suite id = first::id;
  static constexpr std::size_t key_size = first::key_size;
  static constexpr unsigned strength = first::strength;
  static constexpr std::uint64_t max_messages = first::max_messages;
  static constexpr std::uint64_t max_message_size = first::max_message_size;
  static constexpr bool nonce_misuse_resistant = first::nonce_misuse_resistant;
  using context =
      boost::mp11::mp_apply_q<boost::mp11::mp_bind_front<detail::by_size_context, sides>,
                              providers>;
};

static_assert(aead<by_size<up_to<1024, aes256_gcm>, otherwise<aes256_gcm>>>);

}  // namespace keywarden::crypto
