"""On the device: the outputs of random days are those that the host found."""

import json

import check

from firmware.nodes.greenhouse.output_rules import OutputRules
from protocols.fields import OUTPUTS
from protocols.rules import check_rules


@check.case
def outputs_follow_their_rules_as_on_the_host() -> int:
    with open("vectors.json") as file:
        vectors = json.load(file)
    for vector in vectors:
        check_rules(vector["rules"])
        outputs = OutputRules(OUTPUTS)
        outputs.follow(vector["rules"])
        for step, seen in zip(vector["steps"], vector["seen"]):
            outputs.step(*step)
            found = [
                outputs.bitmap(),
                [outputs.reason[name] for name in OUTPUTS],
                [outputs.used_s(name) for name in OUTPUTS],
            ]
            check.equal(found, seen)
        again = OutputRules(OUTPUTS)
        again.load(outputs.dump(True))
        check.equal(
            [again.used_s(name) >= outputs.used_s(name) for name in OUTPUTS], [True] * len(OUTPUTS)
        )
    return len(vectors)


check.run()
