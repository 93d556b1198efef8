"""The commands of LaTeX that the reader knows, by what they do."""
# ruff: noqa: SIM905 - a list of words reads better without a quotation mark around each

from __future__ import annotations

# What is still to be worked out.
UNFINISHED = set(r"\choose \det \iiint \iint \int \lim \liminf \limsup \oint \prod \sum".split())
ELLIPSIS = set(r"\cdots \dots \ldots \vdots".split())
BINOMIALS = set(r"\binom \dbinom \tbinom".split())
FRACTIONS = set(r"\cfrac \dfrac \frac \tfrac".split())
FUNCTIONS = set(
    r"""\Im \Re \arccos \arccot \arccsc \arcosh \arcsec \arcsin \arctan \arg \arsinh \artanh \cos \cosh \cot \coth
    \csc \dim \exp \gcd \ker \lcm \lg \ln \log \max \min \rank \sec \sgn \sin \sinh \tan \tanh \tr""".split()
)
# Functions of which nothing is known but their name.
OPAQUE = set(r"\Gamma \Phi \operatorname \zeta".split())
# Letters that apply to brackets as functions do; before brackets, all others are factors.
CALLED = set(r"F G H L O P Q T W f g h p q u v".split())
TIMES = set(r"* \ast \cdot \times".split())
OVER = set(r"/ \div".split())
# Commands that make a name of what they decorate.
SYMBOL_WRAPPERS = set(
    r"\bar \boldsymbol \hat \mathbb \mathbf \mathcal \overline \overrightarrow \tilde \underline \vec \widehat".split()
)
SETS = set(r"C N Q R Z".split())
# What may follow a tuple, a set or an interval; behind anything else brackets only group.
ENDS = set(r"& ) , : ; \\ \mid \qquad \quad \rangle \} ] | }".split())
MATRICES = set(r"Bmatrix array bmatrix matrix pmatrix smallmatrix vmatrix".split())
# Commands that no expression goes on with.
RELATED = set(
    r"""\Rightarrow \approx \bmod \cap \cdot \circ \cong \cup \div \end \equiv \exists \forall \ge \geq \geqslant
    \gt \implies \in \land \langle \le \leq \leqslant \lor \lt \mapsto \mid \mod \mp \ne \neq \notin \pm \pmod
    \qquad \quad \rangle \rceil \rfloor \rightarrow \rvert \setminus \sim \simeq \subset \subseteq \times \to
    \vee \wedge""".split()
)
# Letters that may stand beside a factor.
GREEK = set(
    r"""\Delta \Lambda \Omega \Psi \Sigma \Theta \aleph \alpha \beta \chi \delta \ell \epsilon \eta \gamma \hbar
    \iota \kappa \lambda \mu \nu \omega \phi \psi \rho \sigma \tau \theta \upsilon \varepsilon \varphi \vartheta
    \xi""".split()
)
CONSTANTS = {r"\pi": "pi", r"\infty": "oo", r"\imath": "i"}
