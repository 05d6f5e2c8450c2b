#include "instance.hpp"

#include <fstream>
#include <utility>
#include <vector>

#include <keywarden/endpoint/configuration.hpp>

#include "composition.hpp"

namespace mirroring {

using kw::errc;
using kw::fact;

bool has_addresses(const home& of) { return std::filesystem::exists(of.path() / "addresses"); }

void write_addresses(const home& of, const addresses& all) {
  const auto begun = of.path() / "addresses.new";
  std::ofstream out(begun, std::ios::trunc);
  for (const auto port : all) out << port << '\n';
  if (!out.flush()) throw kw::refused(kw::error(errc::io_failed).with(fact::file, begun.string()));
  std::filesystem::rename(begun, of.path() / "addresses");
}

addresses read_addresses(const home& of) {
  std::ifstream in(of.path() / "addresses");
  addresses all{};
  for (auto& port : all)
    if (!(in >> port))
      throw kw::refused(kw::error(errc::io_failed)
                            .with(fact::file, (of.path() / "addresses").string())
                            .with(fact::next_step, "run database_mirroring setup first"));
  return all;
}

//[open
opened_endpoint open_endpoint(const home& of, kw::endpoint_log log) {
  const auto in = vault::open(records_of(of), opens(of)).value();
  const auto ready = kw::load_configuration(in.database("master").value()).value();

  const kw::admit::network loopback("127.0.0.0/8");
  const kw::admit::all_of rules(kw::admit::network_acl({kw::admit::permit(loopback)}),
                                kw::admit::connection_rate());
  auto made = mirroring_endpoint::create(ready.authentication(), rules,
                                         {ready.definition.state, std::move(log)})
                  .value();
  return {std::move(made), ready.definition.listener};
}
//]

}  // namespace mirroring
