/// @file
/// The instances of a mirroring session as types, so that the compiler counts who is missing.
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>
#include <type_traits>

#include <keywarden/endpoint/state.hpp>

namespace keywarden {

/// A concept matching types that stand for one instance each. Satisfied by
/// `struct host_b { static constexpr std::string_view name = "HOST_B"; };`
template <class T>
concept named_instance = requires {
  { T::name } -> std::convertible_to<std::string_view>;
};

namespace detail {

template <class...>
inline constexpr bool all_distinct = true;
template <class First, class... More>
inline constexpr bool all_distinct<First, More...> = (... && (std::string_view(First::name) !=
                                                              std::string_view(More::name))) &&
                                                     all_distinct<More...>;

}  // namespace detail

/// A set of instances: those whose inbound connections are still to be configured.
template <named_instance... Instances>
struct peers {
  static_assert(detail::all_distinct<Instances...>, "each peer is named once");

  static constexpr std::size_t size = sizeof...(Instances);
  /// Whether an instance is one of them.
  template <class Instance>
  static constexpr bool has = (... || std::same_as<Instance, Instances>);

 private:
  template <class Out, class Kept, class... Rest>
  struct filter {
    using type = Kept;
  };
  template <class Out, class... Kept, class Next, class... Rest>
  struct filter<Out, peers<Kept...>, Next, Rest...> {
    using type = typename filter<
        Out, std::conditional_t<std::same_as<Out, Next>, peers<Kept...>, peers<Kept..., Next>>,
        Rest...>::type;
  };

 public:
  /// The others.
  template <class Instance>
  using without = typename filter<Instance, peers<>, Instances...>::type;
};

/// The parts of a session: `mirroring_session<partner<host_a>, partner<host_b>, witness<host_w>>`.
template <named_instance Instance>
struct partner {
  /// Who it is.
  using instance = Instance;
  /// What it does in the session.
  static constexpr endpoint_role part = endpoint_role::partner;
};
/// The instance that decides, with a partner, whether a failover may happen; it holds no data.
template <named_instance Instance>
struct witness {
  /// Who it is.
  using instance = Instance;
  /// What it does in the session.
  static constexpr endpoint_role part = endpoint_role::witness;
};

/// Who mirrors with whom: two partners and, perhaps, one witness. Every instance trusts every
/// other: 2 directed trust edges, or 6 with a witness.
template <class... Parts>
struct mirroring_session {
  static_assert((std::size_t{0} + ... + (Parts::part == endpoint_role::partner)) == 2,
                "a mirroring session has exactly two partners");
  static_assert((std::size_t{0} + ... + (Parts::part == endpoint_role::witness)) <= 1,
                "a mirroring session has at most one witness");

  /// All of them.
  using instances = peers<typename Parts::instance...>;
  /// How many times somebody must let somebody in: 2, or 6 with a witness.
  static constexpr std::size_t trust_edges = sizeof...(Parts) * (sizeof...(Parts) - 1);

  /// Whom this instance must let in, and who must let it in.
  template <class Self>
  using peers_of = typename instances::template without<Self>;

  /// The part that an instance plays.
  template <class Self>
  static constexpr endpoint_role part_of = [] {
    static_assert(instances::template has<Self>, "this instance is not of the session");
    bool partner = false;
    ((std::same_as<Self, typename Parts::instance> &&
      (partner = Parts::part == endpoint_role::partner)),
     ...);
    return partner ? endpoint_role::partner : endpoint_role::witness;
  }();
};

}  // namespace keywarden
