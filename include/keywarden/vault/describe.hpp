/// @file
/// A vault policy in words and as a graph: what opens what, what it survives, how strong it is.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <keywarden/key/role.hpp>
#include <keywarden/vault/concepts.hpp>

namespace keywarden {

namespace detail {

/// One way into a key, as a text tells it.
struct way_in {
  std::string scheme;
  requirements offers;
  bool interactive = false;
};

/// The alternatives of a composition that get slots of their own.
template <class Protector>
void list_ways(std::vector<way_in>& ways) {
  if constexpr (requires { typename Protector::alternatives; })
    [&]<class... Each>(std::type_identity<std::tuple<Each...>>) {
      (list_ways<Each>(ways), ...);
    }(std::type_identity<typename Protector::alternatives>{});
  else
    ways.push_back({Protector::scheme(), Protector::offers, Protector::interactive});
}
template <protect::key_protector Protector>
[[nodiscard]] std::vector<way_in> ways_into() {
  std::vector<way_in> ways;
  list_ways<Protector>(ways);
  return ways;
}

/// The set of factors whose bits, in the order of `all_factors`, are set.
[[nodiscard]] constexpr factors factors_of(unsigned bits) noexcept {
  factors made;
  for (std::size_t i = 0; i < all_factors.size(); ++i)
    if ((bits >> i & 1U) != 0) made.insert(all_factors[i]);
  return made;
}

/// Whether losing `each`, after some other losses, closes the composition.
template <protect::key_protector Protector>
[[nodiscard]] constexpr bool depends_on(factor each) noexcept {
  for (unsigned bits = 0; bits < 1U << all_factors.size(); ++bits) {
    auto more = factors_of(bits);
    more.insert(each);
    if (Protector::opens_without(factors_of(bits)) && !Protector::opens_without(more)) return true;
  }
  return false;
}

[[nodiscard]] inline std::string list_of(factors each, std::string_view none) {
  std::string text;
  for (const auto one : all_factors)
    if (each.contains(one)) text.append(text.empty() ? "" : ", ").append(name_of(one));
  return text.empty() ? std::string(none) : text;
}

[[nodiscard]] inline std::string strength_text(unsigned bits) {
  return bits == 0 ? "as the password" : std::to_string(bits) + " bits";
}
[[nodiscard]] inline std::string guess_text(unsigned cost) {
  return cost == requirements::unguessable ? "cannot be guessed"
                                           : "2^" + std::to_string(cost) + " hash blocks";
}
[[nodiscard]] inline std::string yes_or_no(bool yes) { return yes ? "yes" : "no"; }

/// A row of a Markdown table.
[[nodiscard]] inline std::string row(std::initializer_list<std::string_view> cells) {
  std::string text = "|";
  for (const auto each : cells) text.append(" ").append(each).append(" |");
  return text + "\n";
}

inline void describe_ways(std::string& text, const std::vector<way_in>& ways) {
  text += row({"slot", "strength", "each guess", "quantum-safe", "needs a person"});
  text += row({"---", "---", "---", "---", "---"});
  for (const auto& each : ways)
    text += row({"`" + each.scheme + "`", strength_text(each.offers.strength),
                 guess_text(each.offers.guess_cost), yes_or_no(each.offers.quantum_safe),
                 yes_or_no(each.interactive)});
}

template <protect::key_protector Protector>
[[nodiscard]] std::string strength_row(std::string_view name) {
  constexpr auto offered = requirements_of<Protector>;
  return row({name, strength_text(offered.strength), guess_text(offered.guess_cost),
              yes_or_no(offered.quantum_safe), list_of(offered.bound_to, "nothing in particular")});
}

/// What both master keys of a policy do under every combination of losses, fewest losses first.
template <class Policy>
void describe_losses(std::string& text) {
  using service = typename Policy::service_key;
  using master = typename Policy::database_key;
  factors relevant;
  for (const auto each : all_factors)
    if (depends_on<service>(each) || (depends_on<master>(each) && each != factor::parent_key))
      relevant.insert(each);
  std::vector<unsigned> combinations;
  for (unsigned bits = 0; bits < 1U << all_factors.size(); ++bits)
    if (relevant.contains(factors_of(bits))) combinations.push_back(bits);
  std::ranges::stable_sort(combinations, {}, [](unsigned bits) { return std::popcount(bits); });
  text += row({"lost", "service master key", "database master keys", "what helps"});
  text += row({"---", "---", "---", "---"});
  for (const auto bits : combinations) {
    auto lost = factors_of(bits);
    const bool root = service::opens_without(lost);
    if (!root) lost.insert(factor::parent_key);
    const bool below = master::opens_without(lost);
    const bool healed =
        root && service::heals && bits != 0 && std::ranges::any_of(all_factors, [&](factor each) {
          return factors_of(bits).contains(each) && depends_on<service>(each);
        });
    text +=
        row({list_of(factors_of(bits), "nothing"), root ? "opens" : "lost", below ? "open" : "lost",
             !root    ? "a backup of the service master key"
             : healed ? "repairs itself"
                      : "-"});
  }
}

[[nodiscard]] inline std::string dot_name(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

/// The edges from a parent's role to those of `Children` that it may wrap.
template <class Parent, class... Children>
void draw_edges(std::string& text) {
  const auto draw = [&](bool may, std::string_view child) {
    if (may) text += "  " + dot_name(Parent::name) + " -> " + dot_name(child) + ";\n";
  };
  (draw(may_wrap<Parent, Children>, Children::name), ...);
}

inline void draw_ways(std::string& text, const std::vector<way_in>& ways, std::string_view into) {
  for (const auto& each : ways) {
    const bool known = each.scheme == "key/" + std::string(role::service_master_key::name);
    const auto from = known ? std::string(role::service_master_key::name) : each.scheme;
    if (!known)
      text += "  " + dot_name(from) + " [shape=" + (each.interactive ? "note" : "ellipse") + "];\n";
    text += "  " + dot_name(from) + " -> " + dot_name(into) + ";\n";
  }
}

}  // namespace detail

/// A policy as Markdown: the hierarchy, the slots of both master keys, what every combination of
/// losses leaves open, and how strong that is. The same policy always gives the same text, so that
/// a change of it shows in a diff. Any thread.
template <vault_policy Policy>
[[nodiscard]] std::string describe() {
  using service = typename Policy::service_key;
  using master = typename Policy::database_key;
  std::string text = "# Key hierarchy\n\n";
  text += "- service master key: `" + service::scheme() + "`" +
          (service::heals ? ", repairs itself" : "") + "\n";
  text += "  - database master keys: `" + master::scheme() + "`\n";
  text += "    - certificates' and asymmetric keys' private halves\n";
  text +=
      "    - symmetric keys, which seal data with `" + std::string(Policy::cipher::name) + "`\n";
  text += "  - credentials, linked servers' passwords\n\n";
  text += "Records live in a store of kind `" + std::string(Policy::store::kind) + "`.\n\n";
  text += "## Slots of the service master key\n\n";
  detail::describe_ways(text, detail::ways_into<service>());
  text += "\n## Slots of a database master key\n\nA password may be added more than once.\n\n";
  detail::describe_ways(text, detail::ways_into<master>());
  text += "\n## What it survives\n\n";
  detail::describe_losses<Policy>(text);
  text += "\n## Strength of the weakest way in\n\n";
  text += detail::row({"key", "strength", "each guess", "quantum-safe", "every way in needs"});
  text += detail::row({"---", "---", "---", "---", "---"});
  text += detail::strength_row<service>("service master key");
  text += detail::strength_row<master>("database master keys");
  text += "\nA password is worth its guesses, never bits: choose one that nobody guesses.\n";
  return text;
}

/// The same hierarchy as a graph in Graphviz's language: what opens, above; what is opened, below.
/// Any thread.
template <vault_policy Policy>
[[nodiscard]] std::string describe_dot() {
  using role::asymmetric_key, role::certificate, role::credential, role::database_master_key,
      role::linked_server, role::service_master_key, role::symmetric_key;
  std::string text =
      "digraph keywarden {\n  rankdir=TB;\n  node [shape=box, fontname=\"sans-serif\"];\n";
  detail::draw_ways(text, detail::ways_into<typename Policy::service_key>(),
                    service_master_key::name);
  detail::draw_ways(text, detail::ways_into<typename Policy::database_key>(),
                    database_master_key::name);
  detail::draw_edges<service_master_key, credential, linked_server>(text);
  detail::draw_edges<database_master_key, certificate, asymmetric_key, symmetric_key>(text);
  detail::draw_edges<certificate, symmetric_key>(text);
  detail::draw_edges<asymmetric_key, symmetric_key>(text);
  detail::draw_edges<symmetric_key, symmetric_key, role::data>(text);
  return text + "}\n";
}

}  // namespace keywarden
