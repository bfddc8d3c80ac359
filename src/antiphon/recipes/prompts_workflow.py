"""What a workflow says. A change of any text here is another version of all of them."""

VERSION = "workflow-1"

PLAN = """Split the request above into the fewest steps that other models can work on, so that their results together answer it. \
Steps that don't need each other's results run side by side. A request that one worker can answer is one step."""

PLAN_FORM = """Workers:
{workers}

Reply with one JSON object and nothing else:
{{"steps": [{{"name": "short-name", "worker": "one of the workers", "task": "what it is to do", "after": ["names of steps whose \
results it needs"], "verifies": "name of a step whose result it judges and may send back, or empty"}}]}}
At most {most_steps} steps. Names are of small letters, digits, - and _; each step has another. No step waits for itself, directly \
or through others. At most one step verifies another."""

PLAN_AGAIN = """Your plan can't be taken:
{mistakes}

Reply with the corrected JSON object and nothing else."""

ANSWER = "Answer the request above."

WORK = """You work on one part of the request above. Do what follows, and reply with the result alone."""

SEEN = "Results of other steps stand below."

MISSING = "(this step gave no result)"

VERIFY = """Judge whether the result of the step {step}, which stands below, is right and complete for its task. Object only to \
what makes it wrong, incomplete or unusable."""

OBJECT = """Your result was judged, and there are objections to it. Both stand below. Weigh each objection, mend what is \
rightly objected to, and reply with the whole corrected result alone."""

FINAL = """Other models worked on parts of the request above. Answer it, using what is right in their results and mending what is \
wrong. Write for the one who asked: don't speak of the steps or the models. Keep to the form that the request asks for."""
